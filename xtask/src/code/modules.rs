//! The module trees of crates: each module's file, definitions and imports.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use proc_macro2::TokenStream;
use syn::{Attribute, Ident, Item, ItemMod, Visibility, parse_quote};

use super::cfg;
use super::items::{self, Import, Namespace};
use crate::sources::Sources;

/// A file, by its path from the workspace's root, with `/` on every system.
pub(crate) type File = String;

/// The index of a module in its tree.
pub(crate) type ModuleId = usize;

/// The item or module that a name in a module refers to.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Module(ModuleId),
    Item(Definition),
}

/// The place of an item: its module, and its index in the module's code.
pub(crate) type ItemId = (ModuleId, usize);

/// An item and the file that defines it.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) file: File,
    /// The item, or `None` if a macro defines it.
    pub(crate) item: Option<ItemId>,
    pub(crate) is_pattern: bool,
    pub(crate) variants: Vec<String>,
}

/// A module, in its own file or inline.
pub(crate) struct Module {
    pub(crate) file: File,
    pub(crate) parent: Option<ModuleId>,
    /// The root module of its crate.
    pub(crate) root: ModuleId,
    /// The attributes of its declaration and of its file.
    pub(crate) attrs: Vec<Attribute>,
    pub(crate) is_public: bool,
    /// The items, without those for tests alone. Inline modules are separate modules.
    pub(crate) code: Vec<Item>,
    /// The targets of each name. `cfg` may give a name several targets; all of them count.
    pub(crate) names: BTreeMap<(Namespace, String), Vec<Target>>,
    pub(crate) imports: Vec<Import>,
}

/// The modules of one crate, or of several crates that name each other.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) modules: Vec<Module>,
    /// The root modules of the crates, by the names that other crates use.
    pub(crate) crates: BTreeMap<String, ModuleId>,
}

impl Tree {
    /// Reads the crate with the root file `root`: every module that is not for tests alone.
    pub(crate) fn read(sources: &Sources, root: &Path) -> Result<Self, String> {
        let mut tree = Self::default();
        ModuleReader { sources, tree: &mut tree }.root(root)?;
        Ok(tree)
    }

    /// Reads another crate, which the others name `name`.
    pub(crate) fn read_crate(&mut self, name: &str, sources: &Sources, root: &Path) -> Result<(), String> {
        let id = ModuleReader { sources, tree: self }.root(root)?;
        self.crates.extend(id.map(|id| (name.to_owned(), id)));
        Ok(())
    }

    /// Returns the name by which other crates refer to a module's crate.
    pub(crate) fn crate_name(&self, module: ModuleId) -> &str {
        let root = self.modules[module].root;
        self.crates.iter().find(|(_, id)| **id == root).map_or("crate", |(name, _)| name)
    }

    /// Adds items to a module, each with the conditions `cfgs`.
    pub(super) fn add(&mut self, module: ModuleId, items: Vec<Item>, cfgs: &[Attribute]) -> Result<(), String> {
        let place = ModuleFolders { of_children: PathBuf::new(), of_paths: PathBuf::new() };
        let with_cfgs = |mut item| {
            attrs_mut(&mut item).into_iter().for_each(|attrs| attrs.extend_from_slice(cfgs));
            item
        };
        let items = items.into_iter().map(with_cfgs).collect();
        ModuleReader { sources: &Sources::new(), tree: self }.items(module, items, &place)
    }

    /// Removes an item and the names that it defines. The other items keep their indices.
    pub(super) fn forget(&mut self, (module, index): ItemId) {
        self.modules[module].code[index] = Item::Verbatim(TokenStream::new());
        let is_other = |target: &Target| !matches!(target, Target::Item(of) if of.item == Some((module, index)));
        for module in &mut self.modules {
            module.names.values_mut().for_each(|targets| targets.retain(is_other));
        }
    }
}

/// The folders for the modules that a module declares.
#[derive(Clone)]
struct ModuleFolders {
    /// The folder of modules without `#[path]`.
    of_children: PathBuf,
    /// The folder that `#[path]` is relative to.
    of_paths: PathBuf,
}

struct ModuleReader<'a> {
    sources: &'a Sources,
    tree: &'a mut Tree,
}

/// A module's declaration.
struct Declared {
    parent: Option<ModuleId>,
    attrs: Vec<Attribute>,
    is_public: bool,
}

impl ModuleReader<'_> {
    fn root(&mut self, path: &Path) -> Result<Option<ModuleId>, String> {
        let declared = Declared { parent: None, attrs: Vec::new(), is_public: true };
        self.file(path, declared, &ModuleFolders { of_children: folder(path), of_paths: folder(path) })
    }

    /// Reads a module from its file. Returns `None` if the file is for tests alone.
    fn file(&mut self, path: &Path, mut declared: Declared, place: &ModuleFolders) -> Result<Option<ModuleId>, String> {
        let text = self.sources.get(path).ok_or_else(|| format!("{} is not there", path.display()))?;
        let file = syn::parse_file(text)
            .map_err(|error| format!("{}:{}: {error}", path.display(), error.span().start().line))?;
        if cfg::is_test_only(&file.attrs) {
            return Ok(None);
        }
        let name = path.to_string_lossy().replace('\\', "/");
        declared.attrs.extend(file.attrs);
        self.module(name, declared, file.items, place).map(Some)
    }

    fn module(
        &mut self,
        file: File,
        declared: Declared,
        items: Vec<Item>,
        place: &ModuleFolders,
    ) -> Result<ModuleId, String> {
        let id = self.tree.modules.len();
        let Declared { parent, attrs, is_public } = declared;
        let root = parent.map_or(id, |parent| self.tree.modules[parent].root);
        let (code, names, imports) = (Vec::new(), BTreeMap::new(), Vec::new());
        self.tree.modules.push(Module { file, parent, root, attrs, is_public, code, names, imports });
        self.items(id, items, place)?;
        Ok(id)
    }

    fn items(&mut self, id: ModuleId, items: Vec<Item>, place: &ModuleFolders) -> Result<(), String> {
        for item in items {
            if cfg::is_test_only(attrs(&item)) {
                continue;
            }
            match item {
                Item::Mod(item) => self.child(id, item, place)?,
                item => self.item(id, item),
            }
        }
        Ok(())
    }

    fn item(&mut self, id: ModuleId, item: Item) {
        let (file, root) = (self.tree.modules[id].file.clone(), self.tree.modules[id].root);
        let place = Some((id, self.tree.modules[id].code.len()));
        for defined in items::defined(&item) {
            let items::Defined { name, space, is_pattern, variants } = defined;
            let target =
                Target::Item(Definition { name: name.clone(), file: file.clone(), item: place, is_pattern, variants });
            let is_exported = attrs(&item).iter().any(|attr| attr.path().is_ident("macro_export"));
            let module = if is_exported { root } else { id };
            self.tree.modules[module].names.entry((space, name)).or_default().push(target);
        }
        if let Item::Use(item) = &item {
            self.tree.modules[id].imports.extend(items::imports(item));
        }
        self.tree.modules[id].code.push(item);
    }

    /// Reads the module that `mod` declares, from each of its possible files.
    fn child(&mut self, parent: ModuleId, item: ItemMod, place: &ModuleFolders) -> Result<(), String> {
        let name = item.ident.to_string();
        let is_public = matches!(item.vis, Visibility::Public(_));
        let declared = |attrs: &[Attribute]| Declared { parent: Some(parent), attrs: attrs.to_vec(), is_public };
        let mut ids = Vec::new();
        if let Some((_, items)) = item.content {
            let folder = place.of_children.join(&name);
            let place = ModuleFolders { of_children: folder.clone(), of_paths: folder };
            let file = self.tree.modules[parent].file.clone();
            ids.push(self.module(file, declared(&item.attrs), items, &place)?);
        } else {
            for (path, place, when) in self.files(&item.ident, &item.attrs, place) {
                let mut declared = declared(&item.attrs);
                declared.attrs.extend(when);
                ids.extend(self.file(&path, declared, &place)?);
            }
        }
        let names = &mut self.tree.modules[parent].names;
        names.entry((Namespace::Types, name)).or_default().extend(ids.into_iter().map(Target::Module));
        Ok(())
    }

    /// Lists the files of a module, each with the place of its submodules and its conditions. If no file exists, the
    /// list has the expected path, so that reading it reports the error.
    fn files(
        &self,
        ident: &Ident,
        attrs: &[Attribute],
        place: &ModuleFolders,
    ) -> Vec<(PathBuf, ModuleFolders, Vec<Attribute>)> {
        let paths = cfg::module_paths(attrs);
        let mut files: Vec<_> = (paths.given.iter())
            .map(|(given, when)| {
                let path = plain(&place.of_paths.join(given));
                let place = ModuleFolders { of_children: folder(&path), of_paths: folder(&path) };
                (path, place, when.iter().map(|when| parse_quote!(#[cfg(#when)])).collect())
            })
            .collect();
        if paths.or_default {
            let name = ident.to_string();
            let name = name.trim_start_matches("r#");
            let of_children = place.of_children.join(name);
            let inside = of_children.join("mod.rs");
            let path =
                if self.sources.contains_key(&inside) { inside } else { place.of_children.join(format!("{name}.rs")) };
            let of_paths = folder(&path);
            let conditions = paths.given.iter().filter_map(|(_, when)| when.as_ref());
            let otherwise = conditions.map(|when| parse_quote!(#[cfg(not(#when))])).collect();
            files.push((path, ModuleFolders { of_children, of_paths }, otherwise));
        }
        files
    }
}

fn folder(path: &Path) -> PathBuf {
    path.parent().map(Path::to_owned).unwrap_or_default()
}

/// Resolves `..` in a path, without looking at the file system.
fn plain(path: &Path) -> PathBuf {
    let mut plain = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(plain.pop()),
            Component::CurDir => {}
            component => plain.push(component),
        }
    }
    plain
}

/// Returns an item's attributes.
pub(crate) fn attrs(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

fn attrs_mut(item: &mut Item) -> Option<&mut Vec<Attribute>> {
    match item {
        Item::Const(item) => Some(&mut item.attrs),
        Item::Enum(item) => Some(&mut item.attrs),
        Item::ExternCrate(item) => Some(&mut item.attrs),
        Item::Fn(item) => Some(&mut item.attrs),
        Item::ForeignMod(item) => Some(&mut item.attrs),
        Item::Impl(item) => Some(&mut item.attrs),
        Item::Macro(item) => Some(&mut item.attrs),
        Item::Mod(item) => Some(&mut item.attrs),
        Item::Static(item) => Some(&mut item.attrs),
        Item::Struct(item) => Some(&mut item.attrs),
        Item::Trait(item) => Some(&mut item.attrs),
        Item::TraitAlias(item) => Some(&mut item.attrs),
        Item::Type(item) => Some(&mut item.attrs),
        Item::Union(item) => Some(&mut item.attrs),
        Item::Use(item) => Some(&mut item.attrs),
        _ => None,
    }
}
