//! The attribute `#[rpc::service]`: parse, check, expand.

mod ast;
mod attr;
mod check;
mod expand;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Item, ItemTrait};

use self::ast::Service;
use self::attr::ServiceArgs;
use crate::diagnostics::Diagnostics;

/// Expands the attribute.
///
/// After an error the trait and all that can be made of it is still there, so that one mistake is one message.
pub(crate) fn expand(args: TokenStream, input: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let expanded = expand_with(args, input, &mut diagnostics);
    let errors = diagnostics.into_compile_errors();
    quote!(#expanded #errors)
}

fn expand_with(args: TokenStream, input: TokenStream, diagnostics: &mut Diagnostics) -> TokenStream {
    let args = ServiceArgs::parse(args, diagnostics);
    let Some(item) = parse_trait(input.clone(), diagnostics) else { return input };
    let service = Service::read(args, item, diagnostics);
    check::names(&service, diagnostics);
    expand::service(&service)
}

fn parse_trait(input: TokenStream, diagnostics: &mut Diagnostics) -> Option<ItemTrait> {
    match syn::parse2(input) {
        Ok(Item::Trait(item)) => return Some(item),
        Ok(other) => diagnostics.at(other, "`#[rpc::service]` stands on a trait: the trait is the service's contract"),
        Err(error) => diagnostics.push(error),
    }
    None
}
