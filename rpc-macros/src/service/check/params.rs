//! Rules about a method's parameters.

use syn::{FnArg, Pat, PatType, Signature, Type};

use super::super::ast::{Arg, ContextArg, Method, Param};
use crate::diagnostics::Diagnostics;
use crate::types;

/// The size of the largest tuple that the library encodes and decodes.
const MOST_PARAMS: usize = 16;

pub(super) const SELF_IN_SIGNATURE: &str =
    "a method of a service cannot mention `Self`: the client does not know the implementation";

/// Checks a method's parameters and its context.
pub(super) fn check(sig: &Signature, method: &Method, diagnostics: &mut Diagnostics) {
    let typed = sig.inputs.iter().filter_map(|input| match input {
        FnArg::Typed(typed) => Some(typed),
        FnArg::Receiver(_) => None,
    });
    let mut has_context = false;
    for (typed, arg) in typed.zip(&method.args) {
        has_no_condition(typed, diagnostics);
        match arg {
            Arg::Context(context) => {
                is_a_context(context, &typed.pat, diagnostics);
                is_the_only_context(has_context, typed, diagnostics);
                has_context = true;
            }
            Arg::Param(param) => {
                is_a_name(&typed.pat, diagnostics);
                is_owned(&param.ty, diagnostics);
                if method.has_whole_params() {
                    is_described_by_its_type(param, diagnostics);
                }
            }
        }
    }
    are_not_too_many(method, diagnostics);
    differ_on_the_wire(method, diagnostics);
    one_is_all_params(method, diagnostics);
}

/// The generated code would have to repeat the condition inside tuple types, where Rust allows no attributes.
fn has_no_condition(param: &PatType, diagnostics: &mut Diagnostics) {
    for attr in &param.attrs {
        if attr.path().is_ident("cfg") {
            let message = "parameters of a service cannot be conditional: put the condition on the method and write it \
                           twice";
            diagnostics.at(attr, message);
        }
    }
}

/// The handler borrows its context from the call.
fn is_a_context(context: &ContextArg, pat: &Pat, diagnostics: &mut Diagnostics) {
    let is_shared_reference =
        matches!(types::peel(&context.ty), Type::Reference(reference) if reference.mutability.is_none());
    if !is_shared_reference {
        diagnostics.at(&context.ty, "the context is taken by reference: `&rpc::Context`");
    }
    if !matches!(pat, Pat::Ident(_) | Pat::Wild(_)) {
        diagnostics.at(pat, "the context needs a plain name, such as `cx`");
    }
    if let Some(name) = &context.attrs.name {
        diagnostics.at(name, "the context does not travel, so it has no `name`");
    }
    if let Some(key) = &context.attrs.default_key {
        diagnostics.at(key, "the context is always there, so it has no `default`");
    }
}

fn is_the_only_context(has_context: bool, context: &PatType, diagnostics: &mut Diagnostics) {
    if has_context {
        diagnostics.at(context, "a method takes one context");
    }
}

/// The name goes over the wire.
fn is_a_name(pat: &Pat, diagnostics: &mut Diagnostics) {
    match pat {
        Pat::Ident(pat) if pat.by_ref.is_none() && pat.mutability.is_none() && pat.subpat.is_none() => {}
        Pat::Ident(pat) if pat.subpat.is_none() => {
            let ident = &pat.ident;
            let message = format!("write `{ident}` alone here; implementations may still say `mut {ident}`");
            diagnostics.at(pat, message);
        }
        Pat::Wild(_) => diagnostics.at(pat, "a parameter needs a name, since the name goes over the wire"),
        _ => diagnostics.at(pat, "a parameter must be a plain name, not a pattern: its name goes over the wire"),
    }
}

/// Parameters are decoded from a request that no longer exists when the handler runs.
fn is_owned(ty: &Type, diagnostics: &mut Diagnostics) {
    if let Some(found) = types::find(ty, |ty| matches!(ty, Type::ImplTrait(_))) {
        diagnostics.at(found, "a method of a service cannot be generic: use a concrete type instead of `impl Trait`");
    } else if let Some(found) = types::find(ty, |ty| matches!(ty, Type::Reference(_))) {
        diagnostics.at(found, format!("a parameter cannot be a reference: it travels; {}", types::owned_form(found)));
    } else if let Some(lifetime) = types::borrowed_lifetime(ty) {
        diagnostics.at(lifetime, "a parameter cannot be borrowed: it travels; take an owned type");
    } else if let Some(ident) = types::self_type(ty) {
        diagnostics.at(ident, SELF_IN_SIGNATURE);
    }
}

/// The struct defines the names and the defaults of the members.
fn is_described_by_its_type(param: &Param, diagnostics: &mut Diagnostics) {
    if let Some(name) = &param.attrs.name {
        diagnostics.at(name, "what is all params has no `name`: the members of the struct have theirs");
    }
    if let Some(key) = &param.attrs.default_key {
        diagnostics.at(key, "what is all params has no `default`: write `#[serde(default)]` in the struct");
    }
}

fn are_not_too_many(method: &Method, diagnostics: &mut Diagnostics) {
    if let Some(param) = method.params().nth(MOST_PARAMS) {
        let count = method.params().count();
        let message = format!(
            "a method of a service has at most {MOST_PARAMS} parameters, and `{}` has {count}: put them into a struct",
            method.ident
        );
        diagnostics.at(&param.ident, message);
    }
}

/// The server finds a parameter by its name, so names must be unique.
fn differ_on_the_wire(method: &Method, diagnostics: &mut Diagnostics) {
    let params = || method.params().filter(|param| param.has_name());
    for (index, param) in params().enumerate() {
        if let Some(first) = params().take(index).find(|first| first.wire.text == param.wire.text) {
            let message = format!("`{}` and `{}` are both `{}` on the wire", first.ident, param.ident, param.wire);
            diagnostics.push(syn::Error::new(param.wire.span, message));
        }
    }
}

/// Only a single parameter can hold all params.
fn one_is_all_params(method: &Method, diagnostics: &mut Diagnostics) {
    let Some(key) = &method.attrs.params else { return };
    let count = method.params().count();
    if count != 1 {
        let has = if count == 0 { "none".to_owned() } else { format!("{count}, which a struct could hold") };
        let message =
            format!("`params` makes the one parameter of a method all params, and `{}` has {has}", method.ident);
        diagnostics.at(key, message);
    }
}
