//! Keeps catalogs for some minutes, each in a file that only the user can read.

use std::fs::{self, OpenOptions};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::catalog::Catalog;

/// How long an entry is used.
const LIFETIME: Duration = Duration::from_secs(5 * 60);

/// The content of a file.
#[derive(Serialize, Deserialize)]
struct Entry {
    /// What it was written for: two keys may have the same hash.
    key: String,
    version: String,
    catalog: Catalog,
}

/// Returns an entry that is new enough.
pub(super) fn read(key: &str) -> Option<Catalog> {
    let path = path(key)?;
    let age = fs::metadata(&path).ok()?.modified().ok()?.elapsed().ok()?;
    if age > LIFETIME {
        return None;
    }
    let entry: Entry = serde_json::from_slice(&fs::read(&path).ok()?).ok()?;
    (entry.key == key && entry.version == env!("CARGO_PKG_VERSION")).then_some(entry.catalog)
}

/// Writes an entry. Readers see the old one or the whole new one.
///
/// # Errors
///
/// If there is no directory for it, or it cannot be written.
pub(super) fn write(key: &str, catalog: &Catalog) -> io::Result<()> {
    let path = path(key).ok_or(io::ErrorKind::NotFound)?;
    if let Some(directory) = path.parent() {
        create_directory(directory)?;
    }
    let version = env!("CARGO_PKG_VERSION").to_owned();
    let entry = serde_json::to_vec(&Entry { key: key.to_owned(), version, catalog: catalog.clone() })?;
    let part = path.with_extension(format!("{}.part", std::process::id()));
    let written = private().open(&part).and_then(|mut file| file.write_all(&entry));
    let moved = written.and_then(|()| fs::rename(&part, &path));
    if moved.is_err() {
        // It may not exist.
        let _ = fs::remove_file(&part);
    }
    moved
}

/// Returns where the entry of a key is: under a hash, since keys hold addresses.
fn path(key: &str) -> Option<PathBuf> {
    let mut hasher = DefaultHasher::new();
    key.hash(&mut hasher);
    Some(directory()?.join(format!("{:016x}.json", hasher.finish())))
}

fn directory() -> Option<PathBuf> {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = set("XDG_CACHE_HOME").filter(|path| path.is_absolute());
    let cache = cache.or_else(|| set("HOME").map(|home| home.join(".cache"))).or_else(|| set("LOCALAPPDATA"))?;
    Some(cache.join("rpc"))
}

#[cfg(unix)]
fn create_directory(path: &std::path::Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(not(unix))]
fn create_directory(path: &std::path::Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Returns how a file is created that only the user can read.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(0o600);
    }
    options
}
