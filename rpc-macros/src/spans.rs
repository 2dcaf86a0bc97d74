//! Where the compiler reports errors in generated code: at the user's tokens.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens;
use syn::Path;
use syn::spanned::Spanned;

/// Returns a span for generated tokens that makes the compiler point at the user's tokens.
pub(crate) fn at(tokens: &impl Spanned) -> Span {
    Span::mixed_site().located_at(tokens.span())
}

/// Generates the facade's path. The compiler reports errors in the items of this path at the user's tokens.
pub(crate) fn krate_at(krate: &Path, tokens: &impl Spanned) -> TokenStream {
    let target = tokens.span();
    let relocate = |mut token: TokenTree| {
        token.set_span(token.span().located_at(target));
        token
    };
    krate.to_token_stream().into_iter().map(relocate).collect()
}
