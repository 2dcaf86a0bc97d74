//! [`StreamPort`]: how a handler accepts its call and sends items.

use std::sync::Arc;

use futures_util::Stream;
use rpc_core::{ErrorObject, Lag, RpcError};

use super::form::ItemForm;
use super::forward::Forward;
use super::shared::PortShared;
use crate::load::ConnectionLoad;

/// The handler's end of a stream. Handlers of streams get one for each call.
#[doc(hidden)]
#[derive(Debug)]
pub struct StreamPort {
    shared: Arc<PortShared>,
}

impl StreamPort {
    /// Makes both ends of a stream.
    pub(super) fn new(lag: Lag, limit: usize, load: &Arc<ConnectionLoad>) -> (Self, Arc<PortShared>) {
        let shared = PortShared::new(lag, limit, load);
        (Self { shared: Arc::clone(&shared) }, shared)
    }

    /// Accepts the call, and sends the items of a stream until it ends.
    #[doc(hidden)]
    pub fn run<S, F>(self, items: S, form: F) -> impl Future<Output = Result<(), ErrorObject>> + Send
    where
        S: Stream + Send,
        F: ItemForm<S::Item>,
    {
        Forward::new(self.shared, items, form)
    }

    /// Accepts the call and sends the items of a stream, or refuses the call with the handler's error.
    #[doc(hidden)]
    pub async fn run_accepted<S, F, E>(self, items: Result<S, E>, form: F) -> Result<(), ErrorObject>
    where
        S: Stream + Send,
        F: ItemForm<S::Item>,
        E: RpcError,
    {
        match items {
            Ok(items) => self.run(items, form).await,
            Err(error) => Err(error.to_error_object()),
        }
    }
}
