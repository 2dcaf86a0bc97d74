//! Waits for SIGINT and SIGTERM. `shutdown` decides what they mean.

use std::io;

/// Listens for the signals to end from its creation on, so that none is missed.
#[derive(Debug)]
pub(super) struct Signals {
    #[cfg(unix)]
    interrupt: Option<tokio::signal::unix::Signal>,
    #[cfg(unix)]
    terminate: Option<tokio::signal::unix::Signal>,
}

/// A signal to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    /// Ctrl-c, from a person at the terminal.
    Interrupt,
    /// SIGTERM, from the supervisor of the process.
    Terminate,
}

#[cfg(unix)]
impl Signals {
    pub(super) fn listen() -> Self {
        use tokio::signal::unix::{SignalKind, signal};
        Self {
            interrupt: heard(signal(SignalKind::interrupt()), "ctrl-c"),
            terminate: heard(signal(SignalKind::terminate()), "SIGTERM"),
        }
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) -> Signal {
        tokio::select! {
            () = received(&mut self.interrupt) => Signal::Interrupt,
            () = received(&mut self.terminate) => Signal::Terminate,
        }
    }
}

#[cfg(unix)]
async fn received(signal: &mut Option<tokio::signal::unix::Signal>) {
    match signal {
        Some(signal) => drop(signal.recv().await),
        None => std::future::pending().await,
    }
}

#[cfg(not(unix))]
impl Signals {
    pub(super) fn listen() -> Self {
        Self {}
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) -> Signal {
        if heard(tokio::signal::ctrl_c().await, "ctrl-c").is_none() {
            std::future::pending::<()>().await;
        }
        Signal::Interrupt
    }
}

fn heard<T>(listening: io::Result<T>, what: &str) -> Option<T> {
    listening.inspect_err(|error| tracing::error!(%error, "cannot listen for {what}")).ok()
}
