//! How files look from outside: time, length and link target. Two that differ mean a changed file.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// How files look from outside. Two that differ were read at different times of their files' lives.
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
