//! [`Interrupt`]: the signal that ends a batch, as all of its requests see it.

use tokio::sync::watch;

use crate::error::CliError;
use crate::exit::Exit;
use crate::signals::Signals;

/// Whether ctrl-c or SIGTERM has come.
#[derive(Clone, Debug)]
pub(super) struct Interrupt(watch::Receiver<bool>);

impl Interrupt {
    /// Begins to watch for signals. The first one is told to all clones, and the second one ends the process.
    ///
    /// # Errors
    ///
    /// If the operating system refuses that.
    pub(super) fn watch() -> Result<Self, CliError> {
        let mut signals =
            Signals::watch().map_err(|error| CliError::usage(format!("ctrl-c cannot be watched for: {error}")))?;
        let (sender, receiver) = watch::channel(false);
        tokio::spawn(async move {
            signals.next().await;
            sender.send_replace(true);
            signals.next().await;
            std::process::exit(Exit::Interrupted as i32);
        });
        Ok(Self(receiver))
    }

    /// Returns whether a signal has come.
    pub(super) fn has_come(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits for the first signal.
    pub(super) async fn come(mut self) {
        if self.0.wait_for(|has_come| *has_come).await.is_err() {
            // The runtime is ending, and no signal is watched for any more.
            std::future::pending().await
        }
    }
}
