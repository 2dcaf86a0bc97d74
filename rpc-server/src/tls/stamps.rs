//! The visible state of files: time, length and link target. Two states that differ mean a changed file.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The visible state of files. Two that differ mean that a file has changed.
#[derive(Debug, Default, PartialEq)]
pub(super) struct FileStamps(Vec<Option<FileStamp>>);

#[derive(Debug, PartialEq)]
struct FileStamp {
    modified: Option<SystemTime>,
    length: u64,
    /// The target of symbolic links. A swapped link may point to a file of the same time.
    target: Option<PathBuf>,
}

impl<'a> FromIterator<&'a Path> for FileStamps {
    fn from_iter<I: IntoIterator<Item = &'a Path>>(paths: I) -> Self {
        Self(paths.into_iter().map(FileStamp::of).collect())
    }
}

impl FileStamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = path.metadata().ok()?;
        Some(Self { modified: metadata.modified().ok(), length: metadata.len(), target: path.canonicalize().ok() })
    }
}
