//! Tokens that several parts of the expansion share.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::{Attribute, Path};

use super::super::ast::{Method, Output, Param, Service};
use super::super::attr::ParamDefault;
use crate::spans::at;

/// Generates the lint levels of a generated item: first the user's, then `allow` for some lints. These would fire on
/// the user's names and types in generated code, or on an unused generated type.
pub(super) fn lints(service: &Service) -> TokenStream {
    levels(&service.lint_levels)
}

/// Generates the lint levels of the code generated from a method, if the method sets any.
pub(super) fn method_lints(method: &Method) -> Option<TokenStream> {
    (!method.lint_levels.is_empty()).then(|| levels(&method.lint_levels))
}

/// If a lint has two levels, the last one applies.
fn levels(users: &[Attribute]) -> TokenStream {
    quote_spanned! {Span::mixed_site()=>
        #(#users)*
        #[allow(clippy::all, clippy::pedantic, dead_code, deprecated, nonstandard_style)]
    }
}

/// Generates the types of a method's result and error. The result of a stream is its item.
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
        Output::Stream(stream) => {
            (stream.item.to_token_stream(), stream.error().map_or_else(infallible, ToTokens::to_token_stream))
        }
        Output::NoStream(_) => unreachable!("`check` rejects the method"),
    }
}

/// Generates the function that returns the default of a parameter.
pub(super) fn default_function(param: &Param) -> Option<TokenStream> {
    let ty = &param.ty;
    Some(match param.attrs.default.as_ref()? {
        ParamDefault::OfType => quote_spanned!(at(ty)=> <#ty as ::core::default::Default>::default),
        ParamDefault::Expr(expr) => quote_spanned!(Span::mixed_site()=> || -> #ty { #expr }),
    })
}
