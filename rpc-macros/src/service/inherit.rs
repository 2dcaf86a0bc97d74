//! The user's attributes that generated code inherits. `cfg_attr` is expanded before.

use proc_macro2::Span;
use syn::{AttrStyle, Attribute, Ident, Meta, MetaList, Path, Token, token};

/// Returns the conditions of an item.
pub(crate) fn conditions(attrs: &[Attribute]) -> Vec<Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("cfg")).cloned().collect()
}

/// Returns the conditions, the documentation and the deprecation of an item.
pub(crate) fn descriptive(attrs: &[Attribute]) -> Vec<Attribute> {
    let describes = |attr: &&Attribute| ["cfg", "doc", "deprecated"].iter().any(|name| attr.path().is_ident(name));
    attrs.iter().filter(describes).cloned().collect()
}

/// Returns the attributes that types generated from a trait inherit: its deprecation, and where and whether rustdoc
/// shows it.
pub(crate) fn of_types(attrs: &[Attribute]) -> Vec<Attribute> {
    let is_shared = |attr: &&Attribute| {
        let shows = |list: &MetaList| {
            let first = list.tokens.clone().into_iter().next();
            first.is_some_and(|token| ["cfg", "hidden"].contains(&token.to_string().as_str()))
        };
        match &attr.meta {
            meta if meta.path().is_ident("deprecated") => true,
            Meta::List(list) => list.path.is_ident("doc") && shows(list),
            _ => false,
        }
    };
    attrs.iter().filter(is_shared).cloned().collect()
}

/// Returns the lint levels of an item.
///
/// Their brackets have the span of generated code, since some lints check attributes that users write.
pub(crate) fn lint_levels(attrs: &[Attribute]) -> Vec<Attribute> {
    let span = Span::mixed_site();
    let inherit = |attr: &Attribute| {
        Some(Attribute {
            pound_token: Token![#](span),
            style: AttrStyle::Outer,
            bracket_token: token::Bracket(span),
            meta: lint_level(&attr.meta)?,
        })
    };
    attrs.iter().filter_map(inherit).collect()
}

/// Returns a lint level. `forbid` does not count: below it, generated code could not allow lints.
fn lint_level(meta: &Meta) -> Option<Meta> {
    let Meta::List(list) = meta else { return None };
    if list.path.is_ident("expect") {
        // The trait fulfils the expectation. The lint may not fire in generated code.
        let path = Path::from(Ident::new("allow", Span::mixed_site()));
        return Some(Meta::List(MetaList { path, ..list.clone() }));
    }
    ["allow", "warn", "deny"].iter().any(|name| list.path.is_ident(name)).then(|| meta.clone())
}
