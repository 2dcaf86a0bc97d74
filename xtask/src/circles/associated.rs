//! Associated items in other files than their types: the functions and constants of an `impl` that is elsewhere.

use std::collections::BTreeMap;

use syn::{Ident, ImplItem, Item};

use crate::code::items::{Namespace, own_type};
use crate::code::modules::{Definition, File, Target, Tree};

/// The files of associated items that are not in the file of their type.
#[derive(Debug, Default)]
pub(super) struct Associated {
    /// The files, by the type's file and name, and the item's name.
    files: BTreeMap<(File, String, String), Vec<File>>,
}

impl Associated {
    /// Finds the associated items of all types of a crate.
    pub(super) fn of(tree: &Tree) -> Self {
        let mut associated = Self::default();
        for (id, module) in tree.modules.iter().enumerate() {
            for item in &module.code {
                let Item::Impl(item) = item else { continue };
                let Some(path) = own_type(item).filter(|_| item.trait_.is_none()) else { continue };
                for target in tree.resolve(id, &path, Namespace::Types) {
                    if let Target::Item(of) = target {
                        item.items.iter().filter_map(ident).for_each(|name| associated.add(&of, name, &module.file));
                    }
                }
            }
        }
        associated
    }

    fn add(&mut self, of: &Definition, name: &Ident, file: &File) {
        if of.file != *file {
            let key = (of.file.clone(), of.name.clone(), name.to_string());
            self.files.entry(key).or_default().push(file.clone());
        }
    }

    /// Returns the files, except the type's own, that define the associated item `name` of a type.
    pub(super) fn files(&self, of: &Definition, name: &str) -> &[File] {
        let key = (of.file.clone(), of.name.clone(), name.to_owned());
        self.files.get(&key).map(Vec::as_slice).unwrap_or_default()
    }
}

fn ident(item: &ImplItem) -> Option<&Ident> {
    match item {
        ImplItem::Const(item) => Some(&item.ident),
        ImplItem::Fn(item) => Some(&item.sig.ident),
        ImplItem::Type(item) => Some(&item.ident),
        _ => None,
    }
}
