//! One function a rule, with the reason where it is not plain.

mod names;
mod params;
mod signature;

use syn::{ItemTrait, Safety, Signature, TraitItem, TraitModifiers};

pub(crate) use self::names::{may_exclude_each_other, names};
pub(crate) use self::params::{context_is_first_of_its_kind, param, params, whole_param, whole_params};
pub(crate) use self::signature::signature;

use super::ast::{Effect, State};
use super::attr::MethodArgs;
use crate::diagnostics::Diagnostics;

/// Checks the trait apart from its methods, and mends what the compiler would refuse a second time.
pub(crate) fn item(item: &mut ItemTrait, diagnostics: &mut Diagnostics) -> State {
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

/// A service is one set of names on the wire, and the client's type is not generic.
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

fn has_no_modifiers(item: &mut ItemTrait, diagnostics: &mut Diagnostics) {
    if let Some(token) = &item.unsafety {
        diagnostics.at(token, "a service cannot be an unsafe trait");
    }
    if let Some(token) = &item.modifiers.auto_token {
        diagnostics.at(token, "a service cannot be an auto trait");
        item.modifiers = TraitModifiers::default();
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

/// Says what repeating a method means.
pub(crate) fn effect(args: &MethodArgs, diagnostics: &mut Diagnostics) -> Effect {
    match (&args.readonly, &args.idempotent) {
        (Some(_), Some(idempotent)) => {
            diagnostics.at(idempotent, "`readonly` implies `idempotent`: leave `idempotent` out");
            Effect::None
        }
        (Some(_), None) => Effect::None,
        (None, Some(_)) => Effect::Idempotent,
        (None, None) => Effect::Once,
    }
}

/// What awaits cannot be moved to a thread as a whole, and would hold it for as long as it waits.
pub(crate) fn blocking(args: &MethodArgs, sig: &Signature, diagnostics: &mut Diagnostics) {
    if let (Some(blocking), Some(_)) = (&args.blocking, &sig.asyncness) {
        let message = format!(
            "`blocking` is for methods that are not `async`: write `fn {}`, or use `tokio::task::spawn_blocking` inside",
            sig.ident
        );
        diagnostics.at(blocking, message);
    }
}

/// Tells whether `safe`, which only foreign functions may be, or `unsafe` stands before a function.
fn safety_token(safety: &Safety) -> Option<&dyn quote::ToTokens> {
    match safety {
        Safety::Safe(token) => Some(token),
        Safety::Unsafe(token) => Some(token),
        Safety::Default => None,
    }
}
