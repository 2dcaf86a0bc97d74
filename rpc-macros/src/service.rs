//! The attribute `#[rpc::service]`: parse, check, expand.

mod ast;
mod attr;
mod check;
mod condition;
mod expand;
mod inherit;
mod mend;
#[cfg(test)]
mod tests;
mod wire_name;

use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{Item, ItemTrait, TraitItem, TraitItemFn};

use self::ast::{Method, Service, State};
use self::attr::ServiceArgs;
use crate::diagnostics::Diagnostics;

/// Expands the attribute.
///
/// After an error it still emits the trait and everything that can be generated. So one mistake gives one message.
pub(crate) fn expand(args: TokenStream, input: TokenStream) -> TokenStream {
    let mut diagnostics = Diagnostics::default();
    let expanded = expand_with(args, input, &mut diagnostics);
    let errors = diagnostics.into_compile_errors();
    quote!(#expanded #errors)
}

/// Expands the attribute again, after rustc has decided whether the first condition of the trait holds.
pub(crate) fn expand_where(args: TokenStream, input: TokenStream) -> TokenStream {
    let (holds, args) = condition::split_answer(args);
    match syn::parse2::<ItemTrait>(input.clone()) {
        Ok(mut item) => {
            condition::resolve(&mut item, holds);
            expand(args, item.into_token_stream())
        }
        // `expand` reports what is wrong.
        Err(_) => expand(args, input),
    }
}

fn expand_with(tokens: TokenStream, input: TokenStream, diagnostics: &mut Diagnostics) -> TokenStream {
    let mut of_args = Diagnostics::default();
    let again = tokens.clone();
    let args = ServiceArgs::parse(tokens, &mut of_args);
    let Some(mut item) = parse_trait(input.clone(), &mut of_args) else {
        diagnostics.append(of_args);
        return input;
    };
    // The errors are reported once, by the last expansion, which has no condition left.
    if let Some(question) = condition::ask(&mut item, &args.krate, &again) {
        return question;
    }
    diagnostics.append(of_args);
    let service = read(args, item, diagnostics);
    check::together(&service, diagnostics);
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

/// Parses and checks a trait method by method, so that errors have the order of the trait.
fn read(args: ServiceArgs, mut item: ItemTrait, diagnostics: &mut Diagnostics) -> Service {
    let mut state = check::item(&item, diagnostics);
    mend::item(&mut item);
    let mut methods = Vec::<Method>::new();
    for item in &mut item.items {
        let TraitItem::Fn(function) = item else { continue };
        let method = read_method(function, &args, diagnostics);
        // If two methods have the same name, the compiler's own message is better.
        let is_redefinition =
            |method: &Method| methods.iter().any(|other| other.ident == method.ident && !other.may_exclude(method));
        match method.filter(|method| !is_redefinition(method)) {
            Some(method) => methods.push(method),
            None if state == State::Complete => state = State::Partial,
            None => {}
        }
    }
    Service::new(args, item, methods, state)
}

/// Parses a method. Returns `None` if the method is rejected, and mends it.
fn read_method(function: &mut TraitItemFn, args: &ServiceArgs, diagnostics: &mut Diagnostics) -> Option<Method> {
    let method = Method::read(function, args, diagnostics);
    if check::method(function, &method, diagnostics) {
        return Some(method);
    }
    mend::method(function);
    None
}
