//! Reloads certificates when their files change, on a task that lives as long as the server.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::sleep;

use super::{Tls, TlsInner};

/// A task that checks the files until this is dropped.
#[derive(Debug)]
pub(crate) struct CertificateWatch(JoinHandle<()>);

impl Tls {
    /// Starts to check the files, if `reload_every` is set.
    pub(crate) fn watch(&self) -> Option<CertificateWatch> {
        self.reload_every.map(|period| CertificateWatch(tokio::spawn(watch(Arc::clone(&self.shared), period))))
    }
}

impl Drop for CertificateWatch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn watch(shared: Arc<TlsInner>, period: Duration) {
    loop {
        sleep(period).await;
        let shared = Arc::clone(&shared);
        match spawn_blocking(move || shared.reload_if(|before, now| before != now)).await {
            Ok(Ok(false)) => {}
            Ok(Ok(true)) => tracing::info!("certificates were reloaded"),
            Ok(Err(error)) => {
                let source = std::error::Error::source(&error).map(tracing::field::display);
                tracing::error!(%error, source, "certificates cannot be reloaded, the old ones are kept");
            }
            // The runtime is shutting down.
            Err(_) => return,
        }
    }
}
