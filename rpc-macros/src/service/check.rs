//! One function for each rule, with its reason where that is not obvious.

mod names;
mod params;
mod signature;
mod stream;
mod subscriptions;

use syn::{ItemTrait, TraitItem, TraitItemFn};

use self::names::names;

use super::ast::{Method, Service, State};
use crate::diagnostics::Diagnostics;

/// Checks the trait without its methods.
pub(crate) fn item(item: &ItemTrait, diagnostics: &mut Diagnostics) -> State {
    let errors = diagnostics.count();
    let is_usable = is_not_generic(item, diagnostics);
    has_no_modifiers(item, diagnostics);
    has_only_methods(item, diagnostics);
    if !is_usable {
        State::Unusable
    } else if diagnostics.count() > errors {
        State::Partial
    } else {
        State::Complete
    }
}

/// Checks what the methods of a service must not share.
pub(crate) fn together(service: &Service, diagnostics: &mut Diagnostics) {
    names(service, diagnostics);
    subscriptions::check(service, diagnostics);
}

/// Checks a method, and returns whether its signature is valid.
pub(crate) fn method(function: &TraitItemFn, method: &Method, diagnostics: &mut Diagnostics) -> bool {
    effect_is_said_once(method, diagnostics);
    stream::check_keys(method, diagnostics);
    let errors = diagnostics.count();
    signature::check(function, &method.output, diagnostics);
    stream::check(method, diagnostics);
    blocking_is_not_async(method, diagnostics);
    params::check(&function.sig, method, diagnostics);
    diagnostics.count() == errors && !method.is_malformed
}

/// A service has one set of names on the wire, and the client's type is not generic.
fn is_not_generic(item: &ItemTrait, diagnostics: &mut Diagnostics) -> bool {
    if !item.generics.params.is_empty() {
        diagnostics.at(&item.generics, "a service cannot be generic: use concrete types");
        return false;
    }
    if let Some(clause) = &item.generics.where_clause {
        diagnostics.at(clause, "a service cannot have a where clause: write bounds on `Self` as supertraits");
        return false;
    }
    true
}

fn has_no_modifiers(item: &ItemTrait, diagnostics: &mut Diagnostics) {
    if let Some(token) = &item.unsafety {
        diagnostics.at(token, "a service cannot be an unsafe trait");
    }
    if let Some(token) = &item.modifiers.auto_token {
        diagnostics.at(token, "a service cannot be an auto trait");
    }
}

fn has_only_methods(item: &ItemTrait, diagnostics: &mut Diagnostics) {
    for item in &item.items {
        let what = match item {
            TraitItem::Fn(_) => continue,
            TraitItem::Type(_) => "associated types: write the types out in the methods",
            TraitItem::Const(_) => "associated constants",
            TraitItem::Macro(_) => "macros: what they expand to is not known here",
            _ => "anything but methods",
        };
        diagnostics.at(item, format!("a service cannot have {what}"));
    }
}

fn effect_is_said_once(method: &Method, diagnostics: &mut Diagnostics) {
    if let (Some(_), Some(idempotent)) = (&method.attrs.readonly, &method.attrs.idempotent) {
        diagnostics.at(idempotent, "`readonly` implies `idempotent`: leave `idempotent` out");
    }
}

/// An async method cannot move to a thread as a whole, and would occupy the thread while it awaits.
fn blocking_is_not_async(method: &Method, diagnostics: &mut Diagnostics) {
    if method.attrs.stream.stream.is_some() {
        return;
    }
    if let (Some(blocking), true) = (&method.attrs.blocking, method.is_async) {
        let message = format!(
            "`blocking` is for methods that are not `async`: write `fn {}`, or use `tokio::task::spawn_blocking` inside",
            method.ident
        );
        diagnostics.at(blocking, message);
    }
}
