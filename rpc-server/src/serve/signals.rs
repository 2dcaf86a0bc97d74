#[cfg(unix)]
use std::future::poll_fn;
use std::io;
#[cfg(unix)]
use std::task::{Context, Poll};

/// Hears the signals that ask a process to end: ctrl-c, and SIGTERM where there is such a thing.
///
/// It listens from the start on and not only while somebody waits, so that a signal which follows upon another is heard, too.
#[derive(Debug)]
pub(super) struct Signals {
    #[cfg(unix)]
    listeners: Vec<tokio::signal::unix::Signal>,
}

impl Signals {
    /// Begins to listen. Where that fails, the signal does what it does by default, which is to end the process.
    #[cfg(unix)]
    pub(super) fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        let known = [("SIGINT", SignalKind::interrupt()), ("SIGTERM", SignalKind::terminate())];
        let listeners = known.into_iter().filter_map(|(name, kind)| heard(name, signal(kind))).collect();
        Self { listeners }
    }

    #[cfg(not(unix))]
    pub(super) fn listen() -> Self {
        Self {}
    }

    /// Waits for the next signal.
    #[cfg(unix)]
    pub(super) async fn recv(&mut self) {
        poll_fn(|cx| self.poll(cx)).await;
    }

    #[cfg(unix)]
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // As long as none is heard, all are asked, and so know whom to wake.
        let heard = self.listeners.iter_mut().any(|signal| signal.poll_recv(cx).is_ready());
        if heard { Poll::Ready(()) } else { Poll::Pending }
    }

    #[cfg(not(unix))]
    pub(super) async fn recv(&mut self) {
        if heard("ctrl-c", tokio::signal::ctrl_c().await).is_none() {
            std::future::pending::<()>().await;
        }
    }
}

fn heard<T>(signal: &str, listening: io::Result<T>) -> Option<T> {
    listening.inspect_err(|error| tracing::error!(%error, "cannot listen for {signal}")).ok()
}
