//! The names that one item brings into its module: definitions and imports.

use proc_macro2::Ident;
use syn::{Fields, Item, ItemImpl, ItemUse, Type, UseTree, Visibility};

use crate::settings;

/// A namespace of Rust. In each one, the same name may refer to another item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Namespace {
    Types,
    Values,
    Macros,
}

/// All namespaces. An import takes its name from each of them.
pub(crate) const SPACES: [Namespace; 3] = [Namespace::Types, Namespace::Values, Namespace::Macros];

/// A name that an item defines.
#[derive(Debug)]
pub(crate) struct Defined {
    pub(crate) name: String,
    pub(crate) space: Namespace,
    /// Whether the bare name in a pattern refers to the item instead of binding a variable.
    pub(crate) is_pattern: bool,
    /// The variants of an enum, which a glob brings into scope.
    pub(crate) variants: Vec<String>,
}

impl Defined {
    fn new(name: &Ident, space: Namespace) -> Self {
        Self { name: name.to_string(), space, is_pattern: false, variants: Vec::new() }
    }

    fn pattern(self) -> Self {
        Self { is_pattern: true, ..self }
    }
}

/// Lists the names that an item defines, without modules and imports.
pub(crate) fn defined(item: &Item) -> Vec<Defined> {
    use Namespace::{Macros, Types, Values};
    match item {
        Item::Const(item) => vec![Defined::new(&item.ident, Values).pattern()],
        Item::Static(item) => vec![Defined::new(&item.ident, Values).pattern()],
        Item::Fn(item) => vec![Defined::new(&item.sig.ident, Values)],
        Item::Enum(item) => {
            let variants = item.variants.iter().map(|variant| variant.ident.to_string()).collect();
            vec![Defined { variants, ..Defined::new(&item.ident, Types).pattern() }]
        }
        Item::Struct(item) => match item.fields {
            Fields::Named(_) => vec![Defined::new(&item.ident, Types)],
            Fields::Unnamed(_) => vec![Defined::new(&item.ident, Types), Defined::new(&item.ident, Values)],
            Fields::Unit => vec![Defined::new(&item.ident, Types), Defined::new(&item.ident, Values).pattern()],
        },
        Item::Trait(item) => vec![Defined::new(&item.ident, Types)],
        Item::TraitAlias(item) => vec![Defined::new(&item.ident, Types)],
        Item::Type(item) => vec![Defined::new(&item.ident, Types)],
        Item::Union(item) => vec![Defined::new(&item.ident, Types)],
        Item::Macro(item) => match (&item.ident, settings::read(&item.mac)) {
            (Some(ident), _) => vec![Defined::new(ident, Macros)],
            (None, Some(item)) => vec![Defined::new(&item.ident, Types)],
            (None, None) => Vec::new(),
        },
        _ => Vec::new(),
    }
}

/// One name that a `use` imports, or a glob.
#[derive(Clone, Debug)]
pub(crate) struct Import {
    pub(crate) path: Vec<String>,
    /// The local name, or `None` for `_`.
    pub(crate) name: Option<String>,
    pub(crate) is_glob: bool,
    pub(crate) line: usize,
}

/// Splits a `use` into one import for each leaf. Paths into other crates are included. The first name of a path that
/// begins with `::` is empty.
pub(crate) fn imports(item: &ItemUse) -> Vec<Import> {
    let mut imports = Vec::new();
    let mut prefix: Vec<String> = item.leading_colon.iter().map(|_| String::new()).collect();
    flatten(&item.tree, &mut prefix, &mut imports);
    imports
}

/// Returns whether an import is private. A private import names what the file uses; a re-export passes it on.
pub(crate) fn is_private(item: &ItemUse) -> bool {
    match &item.vis {
        Visibility::Inherited => true,
        Visibility::Restricted(within) => within.path.is_ident("self"),
        Visibility::Public(_) => false,
    }
}

fn flatten(tree: &UseTree, prefix: &mut Vec<String>, imports: &mut Vec<Import>) {
    let (ident, name) = match tree {
        UseTree::Path(path) => {
            prefix.push(path.ident.to_string());
            flatten(&path.tree, prefix, imports);
            prefix.pop();
            return;
        }
        UseTree::Group(group) => return group.items.iter().for_each(|tree| flatten(tree, prefix, imports)),
        UseTree::Glob(glob) => {
            let line = glob.star_token.spans[0].start().line;
            imports.push(Import { path: prefix.clone(), name: None, is_glob: true, line });
            return;
        }
        UseTree::Name(name) => (&name.ident, &name.ident),
        UseTree::Rename(rename) => (&rename.ident, &rename.rename),
    };
    let mut path = prefix.clone();
    if ident != "self" || path.is_empty() {
        path.push(ident.to_string());
    }
    let name = if name == "self" { path.last().cloned() } else { Some(name.to_string()) };
    let name = name.filter(|name| name != "_");
    imports.push(Import { path, name, is_glob: false, line: ident.span().start().line });
}

/// Returns the path of the type of an `impl`, if the type is written as a path.
pub(crate) fn own_type(item: &ItemImpl) -> Option<Vec<String>> {
    match &*item.self_ty {
        Type::Path(ty) if ty.qself.is_none() && ty.path.leading_colon.is_none() => {
            Some(ty.path.segments.iter().map(|segment| segment.ident.to_string()).collect())
        }
        _ => None,
    }
}
