//! The future that sends a stream's items to its port. It is compiled for each method, so it stays small.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, ready};

use futures_util::Stream;
use rpc_core::ErrorObject;

use super::form::ItemForm;
use super::shared::PortShared;

/// How many items a handler on a task of its own sends before other tasks have their turn.
const TURN: u32 = 64;

/// Sends the items of a stream to its port.
pub(super) struct Forward<S, F> {
    port: Arc<PortShared>,
    /// Boxed, so that it can be polled without unsafe code.
    items: Pin<Box<S>>,
    form: F,
    is_accepted: bool,
}

impl<S, F> Forward<S, F> {
    pub(super) fn new(port: Arc<PortShared>, items: S, form: F) -> Self {
        Self { port, items: Box::pin(items), form, is_accepted: false }
    }
}

impl<S: Stream, F: ItemForm<S::Item>> Future for Forward<S, F> {
    type Output = Result<(), ErrorObject>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<Self::Output> {
        let Self { port, items, form, is_accepted } = &mut *self;
        if !std::mem::replace(is_accepted, true) {
            // The future that polls this one looks for the acceptance after each poll.
            port.accept();
            return Poll::Pending;
        }
        for _ in 0..TURN {
            let Some(item) = ready!(items.as_mut().poll_next(cx)) else { return Poll::Ready(Ok(())) };
            if port.push(item, *form)? {
                // There is room again at the next poll: the transport takes the item before.
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
