use std::fmt;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};

/// The one-time signal that a request's answers are no longer wanted.
#[derive(Default)]
pub(super) struct Cancellation {
    cancelled: AtomicBool,
    /// Made when the first future waits, because few ever wait.
    waiting: Mutex<Option<Box<CancellationWakers>>>,
}

/// The wakers of the waiting futures.
#[derive(Default)]
struct CancellationWakers(Vec<Waker>);

impl Cancellation {
    pub(super) fn cancel(&self) {
        let waiting = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            // Set under the lock: a future that registers a waker either sees the flag or is woken.
            self.cancelled.store(true, Ordering::Release);
            waiting.take()
        };
        waiting.into_iter().flat_map(|waiting| waiting.0).for_each(Waker::wake);
    }

    pub(super) fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Acquire)
    }

    pub(super) fn cancelled(&self) -> Cancelled<'_> {
        Cancelled(self)
    }
}

impl fmt::Debug for Cancellation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Cancellation").field(&self.is_cancelled()).finish()
    }
}

/// A future that waits until a request is cancelled.
pub(super) struct Cancelled<'a>(&'a Cancellation);

impl Future for Cancelled<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let mut waiting = self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if self.0.is_cancelled() {
            return Poll::Ready(());
        }
        let CancellationWakers(wakers) = &mut **waiting.get_or_insert_default();
        // A future that waits repeatedly, as in a loop, mostly does so in one task.
        if !wakers.iter().any(|waker| waker.will_wake(cx.waker())) {
            wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Wake, Waker};

    use super::Cancellation;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn all_who_wait_are_woken_once_and_none_waits_afterwards() {
        let cancellation = Cancellation::default();
        let counts = [Arc::new(Count::default()), Arc::new(Count::default())];
        for count in &counts {
            let waker = Waker::from(Arc::clone(count));
            for _ in 0..3 {
                assert_eq!(pin!(cancellation.cancelled()).poll(&mut Context::from_waker(&waker)), Poll::Pending);
            }
        }
        cancellation.cancel();
        cancellation.cancel();
        for count in &counts {
            assert_eq!(count.0.load(Ordering::Relaxed), 1);
        }
        assert_eq!(pin!(cancellation.cancelled()).poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(()));
    }
}
