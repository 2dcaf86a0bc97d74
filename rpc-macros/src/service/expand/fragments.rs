//! Tokens that more than one part of the expansion holds.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Attribute, Path};

use super::super::ast::{Method, Output, Param, Service};
use super::super::attr::ParamDefault;
use crate::spans::at;

/// Writes the levels of lints in an item that the service becomes: the user's, then those of lints that generated code
/// must not answer for, as the user's own names and types are in it, and halves may go unused.
pub(super) fn lints(service: &Service) -> TokenStream {
    levels(&service.lint_levels)
}

/// Writes the levels of lints in what a method becomes, if the method sets any.
pub(super) fn method_lints(method: &Method) -> Option<TokenStream> {
    (!method.lint_levels.is_empty()).then(|| levels(&method.lint_levels))
}

/// Of two levels of one lint the last holds.
fn levels(users: &[Attribute]) -> TokenStream {
    quote_spanned! {Span::mixed_site()=>
        #(#users)*
        #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    }
}

/// Writes the types of a method's result and error.
pub(super) fn result_types(output: &Output, krate: &Path) -> (TokenStream, TokenStream) {
    let span = Span::mixed_site();
    let infallible = || quote_spanned!(span=> ::core::convert::Infallible);
    match output {
        Output::Unit => (quote_spanned!(span=> ()), infallible()),
        Output::Plain(ty) => (ty.to_token_stream(), infallible()),
        Output::Result(parts) => (parts.0.to_token_stream(), parts.1.to_token_stream()),
        Output::ResultAlias(ty) => (
            quote_spanned!(at(ty)=> <#ty as #krate::__private::ResultParts>::Ok),
            quote_spanned!(at(ty)=> <#ty as #krate::__private::ResultParts>::Err),
        ),
    }
}

/// Writes the function that makes a parameter which is left out.
pub(super) fn default_function(param: &Param) -> Option<TokenStream> {
    let ty = &param.ty;
    Some(match param.attrs.default.as_ref()? {
        ParamDefault::OfType => quote_spanned!(at(ty)=> <#ty as ::core::default::Default>::default),
        ParamDefault::Expr(expr) => quote_spanned!(Span::mixed_site()=> || -> #ty { #expr }),
    })
}
