//! Replaces paths in types with the paths that users see, whichever paths the source uses.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Ident, Span};
use syn::visit_mut::{self, VisitMut};
use syn::{Item, Path, PathSegment};

use super::reach::{PublicPath, Reach};
use crate::code::items::Namespace;
use crate::code::modules::{ItemId, ModuleId, Target, Tree};

/// The standard library's items that are in every scope. They are written without a path.
const PRELUDE: [&str; 32] = [
    "std::borrow::ToOwned",
    "std::boxed::Box",
    "std::clone::Clone",
    "std::cmp::Eq",
    "std::cmp::Ord",
    "std::cmp::PartialEq",
    "std::cmp::PartialOrd",
    "std::convert::AsMut",
    "std::convert::AsRef",
    "std::convert::From",
    "std::convert::Into",
    "std::convert::TryFrom",
    "std::convert::TryInto",
    "std::default::Default",
    "std::future::Future",
    "std::future::IntoFuture",
    "std::iter::DoubleEndedIterator",
    "std::iter::ExactSizeIterator",
    "std::iter::Extend",
    "std::iter::FromIterator",
    "std::iter::IntoIterator",
    "std::iter::Iterator",
    "std::marker::Copy",
    "std::marker::Send",
    "std::marker::Sized",
    "std::marker::Sync",
    "std::marker::Unpin",
    "std::ops::Drop",
    "std::option::Option",
    "std::result::Result",
    "std::string::String",
    "std::vec::Vec",
];

/// The maximal number of imports between a name and its item.
const DEPTH: usize = 16;

/// The public paths of all items of all crates.
pub(super) struct Names<'a> {
    pub(super) tree: &'a Tree,
    paths: BTreeMap<ItemId, String>,
}

impl<'a> Names<'a> {
    pub(super) fn new<'r>(tree: &'a Tree, reaches: impl IntoIterator<Item = &'r Reach>) -> Self {
        let items = reaches.into_iter().flat_map(|reach| &reach.items);
        let paths =
            items.filter_map(|(id, places)| Some((*id, places.first().map(|PublicPath { path, .. }| path.clone())?)));
        Self { tree, paths: paths.collect() }
    }

    /// Returns the items of the workspace that a path refers to in a module, each with its public path, if it has one.
    pub(super) fn items(&self, module: ModuleId, path: &Path) -> Vec<(ItemId, Option<&str>)> {
        let targets = self.tree.resolve(module, &words(path), Namespace::Types);
        let items = targets.into_iter().filter_map(|target| match target {
            Target::Item(of) => of.item,
            Target::Module(_) => None,
        });
        items.map(|id| (id, self.paths.get(&id).map(String::as_str))).collect()
    }

    /// Returns a writer that replaces the paths in a part of a module's code with those that users see. Names of
    /// parameters stay.
    pub(super) fn writer(&self, module: ModuleId) -> PathWriter<'_> {
        PathWriter { names: self, module, params: BTreeSet::new() }
    }

    /// Returns the type behind a private alias without parameters, and the module of the alias.
    fn alias(&self, module: ModuleId, path: &Path) -> Option<(ModuleId, &syn::Type)> {
        self.items(module, path).into_iter().find_map(|((of, index), public)| {
            match &self.tree.modules[of].code[index] {
                Item::Type(item) if public.is_none() && item.generics.params.is_empty() => Some((of, &*item.ty)),
                _ => None,
            }
        })
    }

    /// Returns a path as users write it, without its arguments. Returns `None` if it needs no change.
    fn public(&self, module: ModuleId, path: &Path) -> Option<Vec<String>> {
        let words = words(path);
        let is_item = |target: &Target| matches!(target, Target::Item(_));
        let before = &words[..words.len() - 1];
        if self.tree.resolve(module, before, Namespace::Types).iter().any(is_item) {
            // The path of an associated item keeps the path of its type as written.
            return None;
        }
        if let Some((id, public)) = self.items(module, path).into_iter().find_map(|(id, path)| Some((id, path?))) {
            let is_own = self.tree.modules[id.0].root == self.tree.modules[module].root;
            let krate = (!is_own).then(|| self.tree.crate_name(id.0).to_owned());
            return Some(krate.into_iter().chain(public.split("::").map(str::to_owned)).collect());
        }
        let mut absolute = self.absolute(module, &words, DEPTH);
        if let Some(first) = absolute.first_mut().filter(|first| *first == "core" || *first == "alloc") {
            "std".clone_into(first);
        }
        if PRELUDE.contains(&&*absolute.join("::")) {
            absolute.drain(..absolute.len() - 1);
        }
        (absolute != words).then_some(absolute)
    }

    /// Follows a path of another crate's item through imports, and returns the path from that crate on.
    fn absolute(&self, module: ModuleId, path: &[String], depth: usize) -> Vec<String> {
        let Some((first, rest)) = path.split_first() else { return Vec::new() };
        if depth == 0 {
            return path.to_vec();
        }
        if first.is_empty() {
            return rest.to_vec();
        }
        let imports = &self.tree.modules[module].imports;
        if let Some(import) = imports.iter().find(|import| import.name.as_ref() == Some(first)) {
            let path: Vec<String> = import.path.iter().chain(rest).cloned().collect();
            // `use name::name` and similar imports would be followed forever.
            let is_loop = import.path.first() == Some(first);
            return if is_loop { path } else { self.absolute(module, &path, depth - 1) };
        }
        for split in (1..path.len()).rev() {
            let targets = self.tree.resolve(module, &path[..split], Namespace::Types);
            if let Some(Target::Module(inner)) = targets.first() {
                return self.absolute(*inner, &path[split..], depth - 1);
            }
        }
        path.to_vec()
    }
}

/// Replaces the paths in a part of a module's code with the paths that users see.
pub(super) struct PathWriter<'a> {
    names: &'a Names<'a>,
    module: ModuleId,
    /// The names of parameters, which are not paths.
    params: BTreeSet<String>,
}

impl PathWriter<'_> {
    /// Returns whether a path refers to an item of the workspace that users cannot name.
    pub(super) fn is_private(&self, path: &Path) -> bool {
        self.names.items(self.module, path).iter().any(|(_, public)| public.is_none())
    }
}

impl VisitMut for PathWriter<'_> {
    fn visit_generics_mut(&mut self, generics: &mut syn::Generics) {
        self.params.extend(generics.type_params().map(|param| param.ident.to_string()));
        visit_mut::visit_generics_mut(self, generics);
    }

    fn visit_type_mut(&mut self, ty: &mut syn::Type) {
        if let syn::Type::Path(syn::TypePath { qself: None, path, .. }) = ty
            && let Some((module, of)) = self.names.alias(self.module, path)
        {
            let mut of = of.clone();
            self.names.writer(module).visit_type_mut(&mut of);
            *ty = of;
            return;
        }
        visit_mut::visit_type_mut(self, ty);
    }

    fn visit_type_path_mut(&mut self, ty: &mut syn::TypePath) {
        let Some(qself) = &mut ty.qself else { return self.visit_path_mut(&mut ty.path) };
        self.visit_qself_mut(qself);
        ty.path.segments.iter_mut().for_each(|segment| self.visit_path_segment_mut(segment));
    }

    fn visit_path_mut(&mut self, path: &mut Path) {
        visit_mut::visit_path_mut(self, path);
        let Some(first) = path.segments.first().map(|segment| segment.ident.to_string()) else { return };
        if first == "Self" || path.leading_colon.is_none() && self.params.contains(&first) {
            return;
        }
        let mut before_last = path.segments.iter().rev().skip(1);
        if !before_last.all(|segment| segment.arguments.is_none()) {
            return;
        }
        let Some(public) = self.names.public(self.module, path) else { return };
        let arguments = path.segments.pop().map(|last| last.arguments).unwrap_or_default();
        path.leading_colon = None;
        path.segments = public.iter().map(|name| PathSegment::from(ident(name))).collect();
        if let Some(last) = path.segments.last_mut() {
            last.arguments = arguments;
        }
    }

    fn visit_attribute_mut(&mut self, _: &mut syn::Attribute) {}
    fn visit_expr_mut(&mut self, _: &mut syn::Expr) {}
    fn visit_visibility_mut(&mut self, _: &mut syn::Visibility) {}
}

/// Makes a name, which may begin with `r#`.
fn ident(name: &str) -> Ident {
    match name.strip_prefix("r#") {
        Some(name) => Ident::new_raw(name, Span::call_site()),
        None => Ident::new(name, Span::call_site()),
    }
}

/// Returns the names of a path. The first is empty if the path begins with `::`.
fn words(path: &Path) -> Vec<String> {
    let leading = path.leading_colon.iter().map(|_| String::new());
    leading.chain(path.segments.iter().map(|segment| segment.ident.to_string())).collect()
}
