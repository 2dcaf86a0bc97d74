use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::sleep;

use super::{Shared, Tls};

/// Is how files look from outside. Two that differ were read at different times of their files' lives.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Stamps(Vec<Option<Stamp>>);

#[derive(Debug, PartialEq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    /// Where symbolic links lead. A swapped one may lead to a file of the same time.
    target: Option<PathBuf>,
}

impl<'a> FromIterator<&'a Path> for Stamps {
    fn from_iter<I: IntoIterator<Item = &'a Path>>(paths: I) -> Self {
        Self(paths.into_iter().map(Stamp::of).collect())
    }
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        Some(Self { modified: metadata.modified().ok(), length: metadata.len(), target: path.canonicalize().ok() })
    }
}

/// Looks at the files until it is dropped.
#[derive(Debug)]
pub(crate) struct Watch(JoinHandle<()>);

impl Tls {
    /// Begins to look at the files, where that is asked for.
    pub(crate) fn watch(&self) -> Option<Watch> {
        self.reload_every.map(|period| Watch(tokio::spawn(watch(Arc::clone(&self.shared), period))))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn watch(shared: Arc<Shared>, period: Duration) {
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
            // The runtime ends.
            Err(_) => return,
        }
    }
}
