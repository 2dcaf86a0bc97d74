//! [`Signals`]: ctrl-c and SIGTERM, both as a wish to end.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that ask the command to end. While it exists, they do not end the process.
#[cfg(unix)]
#[derive(Debug)]
pub(crate) struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

#[cfg(unix)]
impl Signals {
    /// Begins to watch for signals.
    ///
    /// # Errors
    ///
    /// If the operating system refuses that.
    pub(crate) fn watch() -> io::Result<Self> {
        Ok(Self { interrupt: signal(SignalKind::interrupt())?, terminate: signal(SignalKind::terminate())? })
    }

    /// Waits for the next signal.
    pub(crate) async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// The event that asks the command to end.
#[cfg(not(unix))]
#[derive(Debug)]
pub(crate) struct Signals;

#[cfg(not(unix))]
impl Signals {
    /// Begins to watch for ctrl-c.
    ///
    /// # Errors
    ///
    /// Never on this platform.
    pub(crate) fn watch() -> io::Result<Self> {
        Ok(Self)
    }

    /// Waits for the next ctrl-c.
    pub(crate) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            // Without the event, nothing can be waited for.
            std::future::pending().await
        }
    }
}
