//! Every identifier that the expansions invent.
//!
//! Items that users name, or that could meet names of theirs, are made of the trait's name and carry its span. All else
//! is [`Span::mixed_site`]: locals are then invisible to the user's tokens and the user's to ours. That does not hold
//! for generics, which is why theirs begin with underscores.

use proc_macro2::{Ident, Span};
use quote::format_ident;
use syn::Path;

/// Names the items that come from one trait.
pub(crate) struct Items {
    /// The server half, `UsersServer`.
    pub(crate) server: Ident,
    /// The client half, `UsersClient`.
    pub(crate) client: Ident,
    /// The holder of the descriptions, `__UsersSpec`.
    pub(crate) spec: Ident,
}

impl Items {
    pub(crate) fn of_trait(ident: &Ident) -> Self {
        Self {
            server: format_ident!("{ident}Server", span = ident.span()),
            client: format_ident!("{ident}Client", span = ident.span()),
            spec: format_ident!("__{ident}Spec", span = ident.span()),
        }
    }
}

/// Names the implementation that a server half holds.
pub(crate) fn service_generic() -> Ident {
    local("__S")
}

/// Names the implementation inside an `Arc`.
pub(crate) fn shared_generic() -> Ident {
    local("__T")
}

/// Names the function that makes one row of the dispatch table.
pub(crate) fn row() -> Ident {
    local("__row")
}

/// Names a handler's parameter by its position.
pub(crate) fn param(index: usize) -> Ident {
    local(&format!("p{index}"))
}

/// Names a field of an error by its position.
pub(crate) fn field(index: usize) -> Ident {
    local(&format!("f{index}"))
}

/// Names a handler's context.
pub(crate) fn context() -> Ident {
    local("cx")
}

/// Returns the facade's path where the user gives none.
pub(crate) fn default_crate() -> Path {
    Path {
        leading_colon: Some(syn::Token![::](Span::mixed_site())),
        segments: std::iter::once(syn::PathSegment::from(local("rpc"))).collect(),
    }
}

/// Names what refuses aliases of `Result`. It is imported beside the user's types, whose names it must not take.
pub(crate) fn guards(span: Span) -> (Ident, Ident) {
    (Ident::new("__ReturnGuard", span), Ident::new("__refuse_alias", span))
}

fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}
