//! The attributes that concern tests and the files of modules.

use syn::punctuated::Punctuated;
use syn::{Attribute, Expr, Lit, Meta, Token};

/// Returns whether an item is built for tests alone.
pub(crate) fn is_test_only(attrs: &[Attribute]) -> bool {
    attrs.iter().any(|attr| {
        attr.path().is_ident("test") || attr.path().is_ident("cfg") && nested(&attr.meta).iter().any(needs_test)
    })
}

/// Returns whether a predicate of `cfg` can hold only if `test` does.
fn needs_test(predicate: &Meta) -> bool {
    match predicate {
        Meta::Path(path) => path.is_ident("test"),
        Meta::List(list) if list.path.is_ident("all") => nested(predicate).iter().any(needs_test),
        Meta::List(list) if list.path.is_ident("any") => {
            let any = nested(predicate);
            !any.is_empty() && any.iter().all(needs_test)
        }
        Meta::List(_) | Meta::NameValue(_) => false,
    }
}

/// Returns an item's conditions: its attributes `#[cfg(..)]`.
pub(crate) fn cfgs(attrs: &[Attribute]) -> Vec<Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("cfg")).cloned().collect()
}

/// The files that attributes give a module, and whether its file may also have the default path.
pub(crate) struct Paths {
    /// The files, each with its condition, if any.
    pub(crate) given: Vec<(String, Option<Meta>)>,
    pub(crate) or_default: bool,
}

/// Reads `#[path = ".."]`, and `#[cfg_attr(.., path = "..")]`, for which both outcomes count.
pub(crate) fn module_paths(attrs: &[Attribute]) -> Paths {
    let mut paths = Paths { given: Vec::new(), or_default: true };
    for attr in attrs {
        if let Some(path) = path_value(&attr.meta) {
            paths.given.push((path, None));
            paths.or_default = false;
        } else if attr.path().is_ident("cfg_attr") {
            let nested = nested(&attr.meta);
            let given = nested.iter().skip(1).filter_map(path_value);
            paths.given.extend(given.map(|path| (path, nested.first().cloned())));
        }
    }
    paths
}

fn path_value(meta: &Meta) -> Option<String> {
    let Meta::NameValue(meta) = meta else { return None };
    match &meta.value {
        Expr::Lit(value) if meta.path.is_ident("path") => match &value.lit {
            Lit::Str(path) => Some(path.value()),
            _ => None,
        },
        _ => None,
    }
}

/// Returns the items in an attribute's parentheses.
pub(crate) fn nested(meta: &Meta) -> Vec<Meta> {
    let Meta::List(list) = meta else { return Vec::new() };
    list.parse_args_with(Punctuated::<Meta, Token![,]>::parse_terminated)
        .map(|nested| nested.into_iter().collect())
        .unwrap_or_default()
}
