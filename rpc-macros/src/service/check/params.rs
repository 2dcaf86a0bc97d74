//! Rules about a method's parameters.

use syn::{Pat, PatType, Signature, Type};

use super::super::ast::Arg;
use super::super::attr::{MethodArgs, ParamArgs};
use crate::diagnostics::Diagnostics;
use crate::types;

/// As many as the largest tuple that the library encodes and decodes.
const MOST_PARAMS: usize = 16;

pub(super) const SELF_IN_SIGNATURE: &str =
    "a method of a service cannot mention `Self`: the client does not know the implementation";

/// Checks one parameter, or the context.
pub(crate) fn param(param: &PatType, args: &ParamArgs, diagnostics: &mut Diagnostics) {
    has_no_condition(param, diagnostics);
    if args.context.is_some() {
        is_a_context(param, args, diagnostics);
    } else {
        is_a_name(&param.pat, diagnostics);
        is_owned(&param.ty, diagnostics);
    }
}

/// The halves would have to repeat the condition inside tuples of types, where attributes cannot stand.
fn has_no_condition(param: &PatType, diagnostics: &mut Diagnostics) {
    for attr in &param.attrs {
        if attr.path().is_ident("cfg") || attr.path().is_ident("cfg_attr") {
            let message = "parameters of a service cannot be conditional: put the condition on the method and write it \
                           twice";
            diagnostics.at(attr, message);
        }
    }
}

/// The handler borrows its context from the call.
fn is_a_context(param: &PatType, args: &ParamArgs, diagnostics: &mut Diagnostics) {
    let is_shared_reference =
        matches!(types::peel(&param.ty), Type::Reference(reference) if reference.mutability.is_none());
    if !is_shared_reference {
        diagnostics.at(&param.ty, "the context is taken by reference: `&rpc::Context`");
    }
    if !matches!(&*param.pat, Pat::Ident(_) | Pat::Wild(_)) {
        diagnostics.at(&param.pat, "the context needs a plain name, such as `cx`");
    }
    if let Some(name) = &args.name {
        diagnostics.at(name, "the context does not travel, so it has no `name`");
    }
    if let Some(key) = &args.default_key {
        diagnostics.at(key, "the context is always there, so it has no `default`");
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

/// What a parameter holds is decoded from a request that is gone when the handler runs.
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

/// Checks that the argument just read is not a second context.
pub(crate) fn context_is_first_of_its_kind(args: &[Arg], last: &PatType, diagnostics: &mut Diagnostics) {
    let contexts = args.iter().filter(|arg| matches!(arg, Arg::Context(_))).count();
    if contexts > 1 && matches!(args.last(), Some(Arg::Context(_))) {
        diagnostics.at(last, "a method takes one context");
    }
}

/// Checks the parameters as a whole.
pub(crate) fn params(sig: &Signature, args: &[Arg], diagnostics: &mut Diagnostics) {
    let params: Vec<_> = args
        .iter()
        .filter_map(|arg| match arg {
            Arg::Param(param) => Some(param),
            Arg::Context(_) => None,
        })
        .collect();
    if params.len() > MOST_PARAMS {
        let count = params.len();
        let message = format!(
            "a method of a service has at most {MOST_PARAMS} parameters, and `{}` has {count}: put them into a struct",
            sig.ident
        );
        diagnostics.at(&params[MOST_PARAMS].ident, message);
    }
    for (index, param) in params.iter().enumerate() {
        if let Some(first) = params[..index].iter().find(|first| first.wire.text == param.wire.text) {
            let message = format!("`{}` and `{}` are both `{}` on the wire", first.ident, param.ident, param.wire);
            diagnostics.push(syn::Error::new(param.wire.span, message));
        }
    }
}

/// The members have their names and defaults in the struct.
pub(crate) fn whole_param(method: &MethodArgs, args: &ParamArgs, diagnostics: &mut Diagnostics) {
    if method.params.is_none() || args.context.is_some() {
        return;
    }
    if let Some(name) = &args.name {
        diagnostics.at(name, "what is all params has no `name`: the members of the struct have theirs");
    }
    if let Some(key) = &args.default_key {
        diagnostics.at(key, "what is all params has no `default`: write `#[serde(default)]` in the struct");
    }
}

/// One value can be all params, and no two.
pub(crate) fn whole_params(method: &MethodArgs, sig: &Signature, args: &[Arg], diagnostics: &mut Diagnostics) {
    let Some(key) = &method.params else { return };
    let count = args.iter().filter(|arg| matches!(arg, Arg::Param(_))).count();
    if count != 1 {
        let has = if count == 0 { "none".to_owned() } else { format!("{count}, which a struct could hold") };
        let message = format!("`params` makes the one parameter of a method all params, and `{}` has {has}", sig.ident);
        diagnostics.at(key, message);
    }
}
