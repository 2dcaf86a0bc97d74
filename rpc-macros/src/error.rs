//! The derive `RpcError`: parse, check, expand.

mod ast;
mod attr;
mod check;
mod expand;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use quote::quote;

use self::ast::ErrorType;
use crate::diagnostics::Diagnostics;

/// Expands the derive.
///
/// After an error it emits a stub implementation if it can, so that one mistake gives one message.
pub(crate) fn expand(input: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let expanded = expand_with(input, &mut diagnostics);
    let errors = diagnostics.into_compile_errors();
    quote!(#expanded #errors)
}

fn expand_with(input: TokenStream, diagnostics: &mut Diagnostics) -> Option<TokenStream> {
    let item = match syn::parse2(input) {
        Ok(item) => item,
        Err(error) => {
            diagnostics.push(error);
            return None;
        }
    };
    let error = ErrorType::read(item, diagnostics)?;
    if !check::is_not_generic(&error, diagnostics) {
        // The stub would also need the type's parameters.
        return None;
    }
    check::error(&error, diagnostics);
    Some(if diagnostics.count() == 0 { expand::error(&error) } else { expand::stub(&error) })
}
