//! A store that outlives its server, and one that forgets.

use std::fmt::Debug;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::{BoxFuture, ready};
use rpc::ErrorCode;
use rpc::idempotency::{Begin, End, Fingerprint, Kept, Key, Lease, Store, StoreError, StoreInfo};
use uuid::Uuid;

/// Keeps keys in a directory, which several processes may share and which outlives them.
#[derive(Debug)]
pub(crate) struct InDirectory(PathBuf);

impl InDirectory {
    pub(crate) fn open(path: &Path) -> Self {
        fs::create_dir_all(path).unwrap();
        Self(path.to_owned())
    }

    fn file(&self, key: Key, suffix: &str) -> PathBuf {
        self.0.join(format!("{key:?}.{suffix}"))
    }

    /// Begins a call by making its file, which can be made once.
    fn begin(&self, key: Key, fingerprint: Fingerprint) -> io::Result<Begin> {
        match File::create_new(self.file(key, "begun")) {
            Ok(mut file) => {
                file.write_all(&fingerprint.0)?;
                return Ok(Begin::Fresh(Lease { key, token: Uuid::nil() }));
            }
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            Err(_) => {}
        }
        let known = fs::read(self.file(key, "begun"))?;
        // Whoever was killed before it had written this may have written no more.
        if known.len() == fingerprint.0.len() && known != fingerprint.0 {
            return Ok(Begin::Mismatch);
        }
        Ok(match fs::read(self.file(key, "ended")) {
            Err(_) => Begin::Running,
            Ok(ended) if ended.is_empty() => Begin::Unknown,
            Ok(ended) => {
                let (code, outcome) = ended.split_at(8);
                let code = i64::from_be_bytes(code.try_into().unwrap());
                let code = (code != 0).then(|| code.into());
                Begin::Done(Kept { code, outcome: outcome.to_vec().into() })
            }
        })
    }

    /// Notes how a call ended, all at once.
    fn finish(&self, key: Key, end: End) -> io::Result<()> {
        let ended = match end {
            End::Released => return fs::remove_file(self.file(key, "begun")),
            End::Unknown => Vec::new(),
            End::Kept(Kept { code, outcome }) => {
                let code = code.map_or(0, ErrorCode::get).to_be_bytes();
                [&code[..], &outcome[..]].concat()
            }
        };
        fs::write(self.file(key, "written"), ended)?;
        fs::rename(self.file(key, "written"), self.file(key, "ended"))
    }
}

impl Store for InDirectory {
    fn info(&self) -> StoreInfo {
        StoreInfo { identity: Uuid::from_u128(7), ttl: Duration::from_secs(120) }
    }

    fn begin(&self, key: Key, fingerprint: Fingerprint, _: Duration) -> BoxFuture<'static, Result<Begin, StoreError>> {
        Box::pin(ready(self.begin(key, fingerprint).map_err(StoreError::failed)))
    }

    fn finish(&self, lease: Lease, end: End) -> BoxFuture<'static, Result<(), StoreError>> {
        Box::pin(ready(self.finish(lease.key, end).map_err(StoreError::failed)))
    }
}

/// Is a store that forgets each key at once, though it says otherwise.
#[derive(Debug)]
pub(crate) struct Forgetting<S> {
    store: S,
    begun: AtomicU64,
}

impl<S: Store> Forgetting<S> {
    pub(crate) fn new(store: S) -> Self {
        Self { store, begun: AtomicU64::new(0) }
    }
}

impl<S: Store> Store for Forgetting<S> {
    fn info(&self) -> StoreInfo {
        self.store.info()
    }

    fn begin(
        &self,
        key: Key,
        fingerprint: Fingerprint,
        lease: Duration,
    ) -> BoxFuture<'static, Result<Begin, StoreError>> {
        // The store is asked for another key each time, and so knows none.
        let Key(mut bytes) = key;
        let number = self.begun.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        bytes[..8].copy_from_slice(&number);
        self.store.begin(Key(bytes), fingerprint, lease)
    }

    fn finish(&self, lease: Lease, end: End) -> BoxFuture<'static, Result<(), StoreError>> {
        self.store.finish(lease, end)
    }
}
