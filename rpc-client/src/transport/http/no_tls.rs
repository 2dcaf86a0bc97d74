//! The types of `tls` without that feature. An `https` address is then an error.

use super::stream::{BoxConnectError, HyperStream};
use crate::failure::{Failure, FailureKind};

/// Empty, since there are no settings.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsSettings(());

pub(super) enum Tls {}

impl Tls {
    pub(super) fn new(_: &TlsSettings, _: bool) -> Result<Self, Failure> {
        Err(Failure::new(FailureKind::Builder("an https:// address needs the feature `tls` of the crate `rpc`")))
    }

    pub(super) async fn with_server(&self, _: HyperStream, _: &str) -> Result<(HyperStream, bool), BoxConnectError> {
        match *self {}
    }

    pub(super) async fn with_http1(&self, _: HyperStream, _: &str) -> Result<HyperStream, BoxConnectError> {
        match *self {}
    }
}
