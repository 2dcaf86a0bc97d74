//! The items of a crate that users can reach, and their paths.

use std::collections::BTreeMap;

use proc_macro2::{TokenStream, TokenTree};
use syn::{Item, Visibility};

use super::attrs::{further, is_hidden};
use super::print::text;
use crate::code::items::{Import, Namespace, SPACES, imports};
use crate::code::modules::{ItemId, ModuleId, Target, Tree, attrs};

/// A path by which users reach an item, and its conditions.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PublicPath {
    pub(super) path: String,
    pub(super) cfgs: Vec<String>,
}

/// Everything that users can reach in a crate.
#[derive(Debug, Default)]
pub(super) struct Reach {
    /// The crate's items, each with all of its paths, the shortest one first.
    pub(super) items: BTreeMap<ItemId, Vec<PublicPath>>,
    pub(super) modules: BTreeMap<ModuleId, Vec<PublicPath>>,
    /// Re-exports of items that are defined elsewhere, each with the path in its `pub use`.
    pub(super) reexports: Vec<(String, PublicPath)>,
    /// Invocations of other crates' macros that may define public items, each with the place of its module.
    pub(super) unexpanded: Vec<(String, PublicPath)>,
}

impl Reach {
    /// Finds everything that users can reach in the crate with the root module `root`.
    pub(super) fn of(tree: &Tree, root: ModuleId) -> Self {
        let mut walk = Walk { tree, root, under_way: Vec::new(), reach: Self::default() };
        walk.module(root, &PublicPath { path: String::new(), cfgs: Vec::new() });
        walk.exported_macros();
        let mut reach = walk.reach;
        let sort = |places: &mut Vec<PublicPath>| {
            places.sort_by_key(|place| (place.path.matches("::").count(), place.clone()));
            places.dedup();
        };
        reach.items.values_mut().for_each(sort);
        reach.modules.values_mut().for_each(sort);
        reach
    }
}

/// Returns the conditions of a module and its ancestors.
pub(super) fn conditions(tree: &Tree, module: ModuleId) -> Vec<String> {
    let mut cfgs = tree.modules[module].parent.map(|parent| conditions(tree, parent)).unwrap_or_default();
    let own = further(&tree.modules[module].attrs, &cfgs);
    cfgs.extend(own);
    cfgs
}

struct Walk<'a> {
    tree: &'a Tree,
    root: ModuleId,
    /// The modules on the current walk. They stop globs that lead back to them.
    under_way: Vec<ModuleId>,
    reach: Reach,
}

impl Walk<'_> {
    /// Walks the public items of a module. Users see the module at `place`.
    fn module(&mut self, id: ModuleId, place: &PublicPath) {
        if self.under_way.contains(&id) {
            return;
        }
        self.under_way.push(id);
        let tree = self.tree;
        let at = self.with_conditions(place, id);
        for (index, item) in tree.modules[id].code.iter().enumerate().filter(|(_, item)| !is_hidden(attrs(item))) {
            match item {
                Item::Use(item) if is_public(&item.vis) => {
                    let at = within(&at, "", &item.attrs);
                    imports(item).iter().for_each(|import| self.import(id, import, &at));
                }
                Item::Macro(item) if item.ident.is_none() && mentions_pub(item.mac.tokens.clone()) => {
                    self.reach.unexpanded.push((text(&item.mac), within(&at, "", &item.attrs)));
                }
                item => {
                    if let Some(name) = public_name(item) {
                        self.item((id, index), &within(&at, &name, &[]));
                    }
                }
            }
        }
        for ((_, name), targets) in &tree.modules[id].names {
            for target in targets {
                if let Target::Module(child) = target {
                    self.child(*child, &within(&at, name, &[]));
                }
            }
        }
        self.under_way.pop();
    }

    fn child(&mut self, id: ModuleId, place: &PublicPath) {
        if self.tree.modules[id].is_public {
            self.reach_module(id, place);
        }
    }

    fn reach_module(&mut self, id: ModuleId, place: &PublicPath) {
        if is_hidden(&self.tree.modules[id].attrs) {
            return;
        }
        let place = self.with_conditions(place, id);
        self.module(id, &place);
        self.reach.modules.entry(id).or_default().push(place);
    }

    /// Adds an item with the conditions of its definition.
    fn item(&mut self, id: ItemId, place: &PublicPath) {
        let item = &self.tree.modules[id.0].code[id.1];
        if is_hidden(attrs(item)) {
            return;
        }
        let mut place = self.with_conditions(place, id.0);
        let own = further(attrs(item), &place.cfgs);
        place.cfgs.extend(own);
        self.reach.items.entry(id).or_default().push(place);
    }

    fn with_conditions(&self, place: &PublicPath, module: ModuleId) -> PublicPath {
        let mut place = place.clone();
        for cfg in conditions(self.tree, module) {
            if !place.cfgs.contains(&cfg) {
                place.cfgs.push(cfg);
            }
        }
        place
    }

    /// Follows a `pub use` in a module. Users see the module at `place`.
    fn import(&mut self, module: ModuleId, import: &Import, place: &PublicPath) {
        if import.is_glob {
            return self.glob(module, import, place);
        }
        let Some(name) = &import.name else { return };
        let place = within(place, name, &[]);
        let is_of_item = import.path.split_last().is_some_and(|(_, before)| {
            let before = self.tree.resolve(module, before, Namespace::Types);
            before.iter().any(|target| matches!(target, Target::Item(_)))
        });
        let mut targets: Vec<Result<ItemId, ModuleId>> = Vec::new();
        for target in SPACES.iter().flat_map(|space| self.tree.resolve(module, &import.path, *space)) {
            targets.extend(match target {
                Target::Item(of) => of.item.map(Ok),
                Target::Module(id) => Some(Err(id)),
            });
        }
        targets.sort_unstable();
        targets.dedup();
        let is_own = |target: &Result<ItemId, ModuleId>| {
            let module = target.map_or_else(|module| module, |(module, _)| module);
            self.tree.modules[module].root == self.root
        };
        if is_of_item || targets.is_empty() || !targets.iter().all(is_own) {
            self.reach.reexports.push((written(&import.path), place));
            return;
        }
        for target in targets {
            match target {
                Ok(item) => self.item(item, &place),
                Err(module) => self.reach_module(module, &place),
            }
        }
    }

    fn glob(&mut self, module: ModuleId, import: &Import, place: &PublicPath) {
        let targets = self.tree.resolve(module, &import.path, Namespace::Types);
        let mut is_own = false;
        for target in targets {
            if let Target::Module(id) = target
                && self.tree.modules[id].root == self.root
            {
                is_own = true;
                self.module(id, place);
            }
        }
        if !is_own {
            self.reach.reexports.push((written(&import.path) + "::*", within(place, "*", &[])));
        }
    }

    /// Adds the macros that `#[macro_export]` moves to the root of the crate.
    fn exported_macros(&mut self) {
        let Self { tree, root, .. } = *self;
        for (id, module) in tree.modules.iter().enumerate().filter(|(_, module)| module.root == root) {
            for (index, item) in module.code.iter().enumerate() {
                if let Item::Macro(syn::ItemMacro { ident: Some(ident), attrs, .. }) = item
                    && attrs.iter().any(|attr| attr.path().is_ident("macro_export"))
                {
                    self.item((id, index), &PublicPath { path: ident.to_string(), cfgs: Vec::new() });
                }
            }
        }
    }
}

/// Returns the place of an item inside another place.
fn within(place: &PublicPath, name: &str, attrs: &[syn::Attribute]) -> PublicPath {
    let path = match (place.path.as_str(), name) {
        (path, "") => path.to_owned(),
        ("", name) => name.to_owned(),
        (path, name) => format!("{path}::{name}"),
    };
    let cfgs = place.cfgs.iter().cloned().chain(further(attrs, &place.cfgs)).collect();
    PublicPath { path, cfgs }
}

fn written(path: &[String]) -> String {
    path.join("::").trim_start_matches("::").to_owned()
}

fn is_public(vis: &Visibility) -> bool {
    matches!(vis, Visibility::Public(_))
}

/// Returns the name of a public item, for kinds of items that have a visibility.
fn public_name(item: &Item) -> Option<String> {
    let (vis, ident) = match item {
        Item::Const(item) => (&item.vis, &item.ident),
        Item::Enum(item) => (&item.vis, &item.ident),
        Item::Fn(item) => (&item.vis, &item.sig.ident),
        Item::Static(item) => (&item.vis, &item.ident),
        Item::Struct(item) => (&item.vis, &item.ident),
        Item::Trait(item) => (&item.vis, &item.ident),
        Item::TraitAlias(item) => (&item.vis, &item.ident),
        Item::Type(item) => (&item.vis, &item.ident),
        Item::Union(item) => (&item.vis, &item.ident),
        _ => return None,
    };
    is_public(vis).then(|| ident.to_string())
}

fn mentions_pub(tokens: TokenStream) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => ident == "pub",
        TokenTree::Group(group) => mentions_pub(group.stream()),
        _ => false,
    })
}
