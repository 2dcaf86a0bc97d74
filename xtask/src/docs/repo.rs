//! The files of the repository, and which pages are part of a crate's documentation.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use crate::sources;

/// The files of the repository, by their paths from its root.
#[derive(Default)]
pub(super) struct Repo {
    /// All files, with the text of pages and sources. The text of others is empty.
    pub(super) files: BTreeMap<String, String>,
    /// Where symbolic links lead. They are in `files` as well, without a text.
    pub(super) symlinks: BTreeMap<String, String>,
}

impl Repo {
    /// Reads the files that git tracks or could track.
    pub(super) fn read(root: &Path) -> Result<Self, String> {
        let mut repo = Self::default();
        for file in sources::files(root)?.lines() {
            let path = root.join(file);
            let at = |error| format!("{file}: {error}");
            // Git lists a deleted file until the deletion is staged.
            let Ok(metadata) = fs::symlink_metadata(&path) else { continue };
            let mut text = String::new();
            if metadata.is_symlink() {
                let target = fs::read_link(&path).map_err(at)?;
                let target = resolve(file, &target.to_string_lossy()).ok_or_else(|| format!("{file} leads outside"))?;
                repo.symlinks.insert(file.to_owned(), target);
            } else if is_page(file) || is_source(file) {
                text = fs::read_to_string(&path).map_err(at)?;
            }
            repo.files.insert(file.to_owned(), text);
        }
        Ok(repo)
    }

    /// Iterates over the Markdown files, without symbolic links.
    pub(super) fn pages(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(path, _)| is_page(path))
    }

    /// Iterates over the Rust files, without symbolic links.
    pub(super) fn sources(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(path, _)| is_source(path))
    }

    fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let texts = self.files.iter().filter(|(path, _)| !self.symlinks.contains_key(*path));
        texts.map(|(path, text)| (path.as_str(), text.as_str()))
    }

    /// Returns whether there is such a file or folder.
    pub(super) fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        let below = self.files.range(folder.clone()..).next();
        path.is_empty() || self.files.contains_key(path) || below.is_some_and(|(file, _)| file.starts_with(&folder))
    }

    /// Returns the pages that `#[doc = include_str!(..)]` makes a part of a crate's documentation. Rustdoc tests their
    /// code.
    pub(super) fn doctested(&self) -> BTreeSet<&str> {
        let mut pages = BTreeSet::new();
        for (path, text) in self.sources() {
            for rest in text.split("doc = include_str!(\"").skip(1) {
                let included = rest.split('"').next().and_then(|to| resolve(path, to));
                let Some(page) = included else { continue };
                let page = self.symlinks.get(&page).unwrap_or(&page);
                pages.extend(self.files.get_key_value(page).map(|(page, _)| page.as_str()));
            }
        }
        pages
    }
}

fn is_page(path: &str) -> bool {
    path.ends_with(".md")
}

fn is_source(path: &str) -> bool {
    path.ends_with(".rs")
}

/// Returns where a relative path in a file leads, from the root. `None` when it leads out of the repository.
pub(super) fn resolve(from: &str, to: &str) -> Option<String> {
    let mut path: Vec<&str> = if to.starts_with('/') { Vec::new() } else { from.split('/').collect() };
    path.pop();
    for part in to.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                path.pop()?;
            }
            part => path.push(part),
        }
    }
    Some(path.join("/"))
}
