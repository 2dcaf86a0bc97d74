//! The user's attributes that generated code inherits, also those inside `cfg_attr`.

use proc_macro2::Span;
use quote::quote;
use syn::parse::Parser;
use syn::punctuated::Punctuated;
use syn::{AttrStyle, Attribute, Ident, Meta, MetaList, Path, Token, token};

/// Returns the conditions of an item.
pub(crate) fn conditions(attrs: &[Attribute]) -> Vec<Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("cfg")).cloned().collect()
}

/// Returns the conditions, the documentation and the deprecation of an item.
pub(crate) fn descriptive(attrs: &[Attribute]) -> Vec<Attribute> {
    let inherit = |attr: &Attribute| Some(Attribute { meta: inherited(&attr.meta, describes)?, ..attr.clone() });
    attrs.iter().filter_map(inherit).collect()
}

/// Returns the lint levels of an item.
///
/// Their brackets have the span of generated code, since some lints are about attributes that users write.
pub(crate) fn lint_levels(attrs: &[Attribute]) -> Vec<Attribute> {
    let span = Span::mixed_site();
    let inherit = |attr: &Attribute| {
        Some(Attribute {
            pound_token: Token![#](span),
            style: AttrStyle::Outer,
            bracket_token: token::Bracket(span),
            meta: inherited(&attr.meta, lint_level)?,
        })
    };
    attrs.iter().filter_map(inherit).collect()
}

fn describes(meta: &Meta) -> Option<Meta> {
    ["cfg", "doc", "deprecated"].iter().any(|name| meta.path().is_ident(name)).then(|| meta.clone())
}

/// Takes a lint level. `forbid` is none: generated code has to allow lints of its own below it.
fn lint_level(meta: &Meta) -> Option<Meta> {
    let Meta::List(list) = meta else { return None };
    if list.path.is_ident("expect") {
        // The trait fulfils the expectation. In generated code the lint may not fire.
        let path = Path::from(Ident::new("allow", Span::mixed_site()));
        return Some(Meta::List(MetaList { path, ..list.clone() }));
    }
    ["allow", "warn", "deny"].iter().any(|name| list.path.is_ident(name)).then(|| meta.clone())
}

/// Takes an attribute, or those inside a `cfg_attr`. Returns `None` if there is nothing to take.
fn inherited(meta: &Meta, take: fn(&Meta) -> Option<Meta>) -> Option<Meta> {
    match meta {
        Meta::List(list) if list.path.is_ident("cfg_attr") => conditional(list, take),
        _ => take(meta),
    }
}

/// Takes what is inside a `cfg_attr`.
///
/// ```text
/// // Input:  cfg_attr(unix, doc = "..", expect(non_snake_case))
/// // Output: cfg_attr(unix, allow(non_snake_case))
/// ```
fn conditional(list: &MetaList, take: fn(&Meta) -> Option<Meta>) -> Option<Meta> {
    // The compiler reports one that cannot be read, in the trait.
    let metas = Punctuated::<Meta, Token![,]>::parse_terminated.parse2(list.tokens.clone()).ok()?;
    let mut metas = metas.iter();
    let condition = metas.next()?;
    let taken: Vec<_> = metas.filter_map(|meta| inherited(meta, take)).collect();
    (!taken.is_empty()).then(|| {
        let tokens = quote!(#condition, #(#taken),*);
        Meta::List(MetaList { tokens, ..list.clone() })
    })
}
