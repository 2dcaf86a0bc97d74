//! Every identifier that the expansions introduce.
//!
//! An item that users name, or that could collide with their names, has a name made from the trait's, with the trait's
//! span. All other names have [`Span::mixed_site`]: user code cannot see such locals, and they cannot see the user's.
//! This does not hold for generics, so their names begin with underscores.

use proc_macro2::{Ident, Span};
use quote::format_ident;
use syn::Path;

/// The names of the items generated from one trait.
pub(crate) struct Items {
    /// The server's type, `UsersServer`.
    pub(crate) server: Ident,
    /// The client's type, `UsersClient`.
    pub(crate) client: Ident,
    /// The type that holds the descriptions, `__UsersSpec`.
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

/// Names the type parameter for the implementation in the server's type.
pub(crate) fn service_generic() -> Ident {
    local("__S")
}

/// Names the type parameter for the implementation inside an `Arc`.
pub(crate) fn shared_generic() -> Ident {
    local("__T")
}

/// Names the function that builds one row of the dispatch table.
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

/// Names the port through which a handler sends the items of its stream.
pub(crate) fn port() -> Ident {
    local("port")
}

/// Returns the facade's path if the user gives none.
pub(crate) fn default_crate() -> Path {
    Path {
        leading_colon: Some(syn::Token![::](Span::mixed_site())),
        segments: std::iter::once(syn::PathSegment::from(local("rpc"))).collect(),
    }
}

/// Names the items that reject aliases of `Result`. They are imported into a scope with the user's types, so their
/// names must not collide with these.
pub(crate) fn guards(span: Span) -> (Ident, Ident) {
    (Ident::new("__ReturnGuard", span), Ident::new("__refuse_alias", span))
}

fn local(name: &str) -> Ident {
    Ident::new(name, Span::mixed_site())
}
