//! The names that functions and items bind, which hide the names of their module.

use std::collections::{BTreeMap, BTreeSet};

use crate::code::items::{Import, Namespace};

#[derive(Debug, Default)]
struct Scope {
    bound: BTreeSet<(Namespace, String)>,
    imports: BTreeMap<String, Vec<String>>,
}

/// The scopes around a place in the code, from the outermost to the innermost.
#[derive(Debug, Default)]
pub(super) struct Scopes {
    scopes: Vec<Scope>,
}

impl Scopes {
    pub(super) fn enter(&mut self) {
        self.scopes.push(Scope::default());
    }

    pub(super) fn leave(&mut self) {
        self.scopes.pop();
    }

    /// Binds a variable, a type parameter, or an item of a block.
    pub(super) fn bind(&mut self, space: Namespace, name: String) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.bound.insert((space, name));
        }
    }

    /// Records an import in a block. Does nothing at the level of a module, since those imports belong to the module.
    pub(super) fn import(&mut self, import: &Import) {
        if let (Some(scope), Some(name)) = (self.scopes.last_mut(), &import.name) {
            scope.imports.insert(name.clone(), import.path.clone());
        }
    }

    /// Makes `Self` refer to a type.
    pub(super) fn own_type(&mut self, path: Vec<String>) {
        if let Some(scope) = self.scopes.last_mut() {
            scope.imports.insert("Self".to_owned(), path);
        }
    }

    /// Returns a path as the module would write it, or `None` if its first name is bound here.
    pub(super) fn outside(&self, path: &[String], space: Namespace) -> Option<Vec<String>> {
        let (first, rest) = path.split_first()?;
        let space = if rest.is_empty() { space } else { Namespace::Types };
        for scope in self.scopes.iter().rev() {
            if scope.bound.contains(&(space, first.clone())) {
                return None;
            }
            if let Some(import) = scope.imports.get(first) {
                return Some(import.iter().chain(rest).cloned().collect());
            }
        }
        Some(path.to_vec())
    }
}
