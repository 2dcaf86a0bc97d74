//! Where the compiler points when it does not like what was generated: at the user's tokens.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Path;
use syn::spanned::Spanned;

/// Returns a span for our tokens that makes the compiler point at the user's.
pub(crate) fn at(tokens: &impl Spanned) -> Span {
    Span::mixed_site().located_at(tokens.span())
}

/// Writes the facade's path so that the compiler points at the user's tokens for what begins with it.
pub(crate) fn krate_at(krate: &Path, tokens: &impl Spanned) -> TokenStream {
    let target = tokens.span();
    let relocate = |mut token: TokenTree| {
        token.set_span(token.span().located_at(target));
        token
    };
    krate.to_token_stream().into_iter().map(relocate).collect()
}
