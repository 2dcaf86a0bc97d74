//! The module tree of a crate: which file holds each module, what it defines, and what it imports.

use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

use syn::{Attribute, Ident, Item, ItemMod};

use super::cfg;
use super::items::{self, Import, Space};
use crate::sources::Sources;

/// A file, by its path from the root of the workspace, with `/` on every system.
pub(crate) type File = String;

/// The index of a module in its tree.
pub(crate) type ModuleId = usize;

/// What a name in a module stands for.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    Module(ModuleId),
    Item(Definition),
}

/// An item, and the file that defines it.
#[derive(Clone, Debug)]
pub(crate) struct Definition {
    pub(crate) name: String,
    pub(crate) file: File,
    pub(crate) is_pattern: bool,
    pub(crate) variants: Vec<String>,
}

/// A module. One that is in a file of its own and one that is inline look the same.
pub(crate) struct Module {
    pub(crate) file: File,
    pub(crate) parent: Option<ModuleId>,
    /// The items, without those that only tests see, and without inline modules, which are modules of their own.
    pub(crate) code: Vec<Item>,
    /// What each name stands for. `cfg` may give it several meanings; all of them count.
    pub(crate) names: BTreeMap<(Space, String), Vec<Target>>,
    pub(crate) imports: Vec<Import>,
}

/// The modules of one crate. The first is its root.
#[derive(Default)]
pub(crate) struct Tree {
    pub(crate) modules: Vec<Module>,
}

/// The root module's index.
pub(crate) const ROOT: ModuleId = 0;

impl Tree {
    /// Reads the crate whose root is the file `root`, with every module that is not for tests alone.
    pub(crate) fn read(sources: &Sources, root: &Path) -> Result<Self, String> {
        let mut reader = Reader { sources, tree: Self::default() };
        reader.file(root, None, &Place { of_children: folder(root), of_paths: folder(root) })?;
        Ok(reader.tree)
    }
}

/// Where the modules are that a module declares.
#[derive(Clone)]
struct Place {
    /// The folder of modules without `#[path]`.
    of_children: PathBuf,
    /// The folder that `#[path]` counts from.
    of_paths: PathBuf,
}

struct Reader<'a> {
    sources: &'a Sources,
    tree: Tree,
}

impl Reader<'_> {
    /// Reads a module from its file. Returns `None` if the file says that it is for tests alone.
    fn file(&mut self, path: &Path, parent: Option<ModuleId>, place: &Place) -> Result<Option<ModuleId>, String> {
        let text = self.sources.get(path).ok_or_else(|| format!("{} is not there", path.display()))?;
        let file = syn::parse_file(text)
            .map_err(|error| format!("{}:{}: {error}", path.display(), error.span().start().line))?;
        if cfg::is_test_only(&file.attrs) {
            return Ok(None);
        }
        let name = path.to_string_lossy().replace('\\', "/");
        self.module(name, parent, file.items, place).map(Some)
    }

    fn module(
        &mut self,
        file: File,
        parent: Option<ModuleId>,
        items: Vec<Item>,
        place: &Place,
    ) -> Result<ModuleId, String> {
        let id = self.tree.modules.len();
        let names = BTreeMap::new();
        self.tree.modules.push(Module { file, parent, code: Vec::new(), names, imports: Vec::new() });
        for item in items {
            if cfg::is_test_only(attrs(&item)) {
                continue;
            }
            match item {
                Item::Mod(item) => self.child(id, item, place)?,
                item => self.item(id, item),
            }
        }
        Ok(id)
    }

    fn item(&mut self, id: ModuleId, item: Item) {
        let file = self.tree.modules[id].file.clone();
        for defined in items::defined(&item) {
            let items::Defined { name, space, is_pattern, variants } = defined;
            let target = Target::Item(Definition { name: name.clone(), file: file.clone(), is_pattern, variants });
            let is_exported = attrs(&item).iter().any(|attr| attr.path().is_ident("macro_export"));
            let module = if is_exported { ROOT } else { id };
            self.tree.modules[module].names.entry((space, name)).or_default().push(target);
        }
        if let Item::Use(item) = &item {
            self.tree.modules[id].imports.extend(items::imports(item));
        }
        self.tree.modules[id].code.push(item);
    }

    /// Reads the module that `mod` declares, from each of the files that it may be in.
    fn child(&mut self, parent: ModuleId, item: ItemMod, place: &Place) -> Result<(), String> {
        let name = item.ident.to_string();
        let mut ids = Vec::new();
        if let Some((_, items)) = item.content {
            let folder = place.of_children.join(&name);
            let place = Place { of_children: folder.clone(), of_paths: folder };
            let file = self.tree.modules[parent].file.clone();
            ids.push(self.module(file, Some(parent), items, &place)?);
        } else {
            for (path, place) in self.files(&item.ident, &item.attrs, place) {
                ids.extend(self.file(&path, Some(parent), &place)?);
            }
        }
        let names = &mut self.tree.modules[parent].names;
        names.entry((Space::Types, name)).or_default().extend(ids.into_iter().map(Target::Module));
        Ok(())
    }

    /// Lists the files of a module, each with the place of its own modules. A module that is nowhere is listed where it
    /// should be, so that reading it says so.
    fn files(&self, ident: &Ident, attrs: &[Attribute], place: &Place) -> Vec<(PathBuf, Place)> {
        let paths = cfg::module_paths(attrs);
        let mut files: Vec<_> = (paths.given.iter())
            .map(|given| {
                let path = plain(&place.of_paths.join(given));
                let place = Place { of_children: folder(&path), of_paths: folder(&path) };
                (path, place)
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
            files.push((path, Place { of_children, of_paths }));
        }
        files
    }
}

fn folder(path: &Path) -> PathBuf {
    path.parent().map(Path::to_owned).unwrap_or_default()
}

/// Resolves `..` by the text alone.
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
