//! The types of `tls` without that feature. An `https` address is then an error.

use super::stream::{BoxError, Stream};
use crate::failure::{Failure, Kind};

/// Empty, since there are no settings.
#[derive(Clone, Debug, Default)]
pub(crate) struct TlsSettings(());

pub(super) enum Tls {}

impl Tls {
    pub(super) fn new(_: &TlsSettings, _: bool) -> Result<Self, Failure> {
        Err(Failure::new(Kind::Builder("an https:// address needs the feature `tls` of the crate `rpc`")))
    }

    pub(super) async fn with_server(&self, _: Stream, _: &str) -> Result<(Stream, bool), BoxError> {
        match *self {}
    }

    pub(super) async fn with_proxy(&self, _: Stream, _: &str) -> Result<Stream, BoxError> {
        match *self {}
    }
}
