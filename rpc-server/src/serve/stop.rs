use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Waker};

use hyper_util::server::graceful::GracefulConnection;
use tokio::sync::Notify;

use super::pace::Requests;

/// Tells all connections to finish what runs and to close.
#[derive(Debug, Default)]
pub(super) struct Stop {
    requested: AtomicBool,
    listeners: Notify,
}

impl Stop {
    pub(super) fn request(&self) {
        self.requested.store(true, Ordering::Release);
        self.listeners.notify_waiters();
    }

    fn is_requested(&self) -> bool {
        self.requested.load(Ordering::Acquire)
    }

    /// Waits until the future is done, or returns `None` as soon as a stop is requested.
    pub(super) async fn unless<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut requested = pin!(self.listeners.notified());
        requested.as_mut().enable();
        if self.is_requested() {
            return None;
        }
        tokio::select! {
            biased;
            done = future => Some(done),
            () = requested => None,
        }
    }

    /// Drives a connection to its end, which comes soon once a stop is requested.
    ///
    /// The connection is pinned by the caller, since a future that takes it by value has room for it twice.
    pub(super) async fn drive<C: GracefulConnection>(
        &self,
        requests: &Requests,
        mut connection: Pin<&mut C>,
    ) -> Result<(), C::Error> {
        // Whoever is told of the stop was listening before it was requested, so none is missed.
        let mut listener = pin!(self.listeners.notified());
        let mut listening = Listening::default();
        let mut told = false;
        std::future::poll_fn(|cx| {
            if listening.begins(cx) {
                let _ = listener.as_mut().poll(cx);
            }
            if !told && self.is_requested() {
                told = true;
                requests.end_soon();
                connection.as_mut().graceful_shutdown();
            }
            connection.as_mut().poll(cx)
        })
        .await
    }
}

/// Knows which waker is registered with a future that is woken once, so that the future need not be polled again each
/// time that its task is woken by something else.
#[derive(Debug, Default)]
pub(super) struct Listening(Option<Waker>);

impl Listening {
    /// Tells whether the waker still has to be registered, and takes it that it will be.
    pub(super) fn begins(&mut self, cx: &Context<'_>) -> bool {
        let current = self.0.as_ref().is_some_and(|waker| waker.will_wake(cx.waker()));
        if !current {
            self.0 = Some(cx.waker().clone());
        }
        !current
    }
}

#[cfg(test)]
mod tests {
    use super::Stop;

    #[tokio::test]
    async fn a_stop_that_was_requested_before_is_not_missed() {
        let stop = Stop::default();
        assert_eq!(stop.unless(async { 1 }).await, Some(1));
        stop.request();
        assert_eq!(stop.unless(std::future::pending::<()>()).await, None);
    }

    #[tokio::test]
    async fn a_stop_ends_what_waits_already() {
        let stop = Stop::default();
        let ((), waited) = tokio::join!(
            async {
                tokio::task::yield_now().await;
                stop.request();
            },
            stop.unless(std::future::pending::<()>()),
        );
        assert_eq!(waited, None);
    }
}
