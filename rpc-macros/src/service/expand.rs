//! Writes what a service becomes. No decision is made here.

mod arc;
mod client;
mod contract;
mod guard;
mod openrpc;
mod server;
mod spec;

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Path;

use super::ast::{Output, Service, State};
use crate::spans::at;

/// Writes the trait and all that comes of it.
pub(crate) fn service(service: &Service) -> TokenStream {
    let contract = contract::expand(service);
    if service.state == State::Unusable {
        return contract;
    }
    let arc = (service.state == State::Complete).then(|| arc::expand(service));
    let guard = guard::expand(service);
    let needs_openrpc = openrpc::needs_feature(service);
    let spec = spec::expand(service);
    let server = server::expand(service);
    let client = client::expand(service);
    quote!(#contract #arc #guard #needs_openrpc #spec #server #client)
}

/// Writes the lints that generated code must not answer for: the user's own names and types are in it, and halves may
/// go unused.
fn lints() -> TokenStream {
    quote_spanned!(Span::mixed_site()=> #[allow(clippy::all, clippy::pedantic, dead_code, deprecated)])
}

/// Writes the types of a method's result and error.
fn result_types(output: &Output, krate: &Path) -> (TokenStream, TokenStream) {
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
