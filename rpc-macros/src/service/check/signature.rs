//! Rules about a method's signature, except its parameters.

use syn::{GenericParam, ReceiverKind, ReturnType, Safety, Signature, TraitItemFn, Type, TypeParamBound};

use super::super::ast::{Output, StreamOutput, is_stream};
use crate::diagnostics::Diagnostics;
use crate::types;

/// Checks a method's signature, except its parameters.
pub(super) fn check(function: &TraitItemFn, output: &Output, diagnostics: &mut Diagnostics) {
    has_no_qualifiers(function, diagnostics);
    is_not_generic(&function.sig, diagnostics);
    takes_self_by_reference(&function.sig, diagnostics);
    can_be_called_on_the_client(&function.sig, diagnostics);
    match (output, &function.sig.output) {
        (Output::Stream(stream), _) => has_owned_items(stream, diagnostics),
        // Its rule reports it.
        (Output::NoStream(_), _) | (_, ReturnType::Default) => {}
        (_, ReturnType::Type(_, ty)) => returns_an_owned_value(ty, diagnostics),
    }
}

fn has_no_qualifiers(function: &TraitItemFn, diagnostics: &mut Diagnostics) {
    let sig = &function.sig;
    if let Some(token) = &function.modifiers.defaultness {
        diagnostics.at(token, "a method of a service cannot be `default`");
    }
    if let Some(token) = &sig.constness {
        diagnostics.at(token, "a method of a service cannot be `const`");
    }
    if let Some(token) = safety_token(&sig.safety) {
        diagnostics.at(token, "a method of a service must be safe: it is called by whoever reaches the server");
    }
    if let Some(abi) = &sig.abi {
        diagnostics.at(abi, "a method of a service cannot be `extern`");
    }
    if let Some(variadic) = &sig.variadic {
        diagnostics.at(variadic, "a method of a service cannot be variadic");
    }
}

/// Returns the token `unsafe` of a function, or `safe`, which only foreign functions may have.
fn safety_token(safety: &Safety) -> Option<&dyn quote::ToTokens> {
    match safety {
        Safety::Safe(token) => Some(token),
        Safety::Unsafe(token) => Some(token),
        Safety::Default => None,
    }
}

/// The table of methods is built once, with the server, so no call could choose the type parameters.
fn is_not_generic(sig: &Signature, diagnostics: &mut Diagnostics) {
    for param in &sig.generics.params {
        let message = match param {
            GenericParam::Lifetime(_) => {
                "a method of a service cannot have lifetime parameters: what travels is owned, and a context needs none"
            }
            GenericParam::Type(_) => "a method of a service cannot be generic: use concrete types",
            GenericParam::Const(_) => "a method of a service cannot be generic: use concrete constants",
        };
        diagnostics.at(param, message);
    }
    if let Some(clause) = &sig.generics.where_clause {
        diagnostics.at(clause, "a method of a service cannot have a where clause");
    }
}

/// Calls run concurrently and share the implementation.
fn takes_self_by_reference(sig: &Signature, diagnostics: &mut Diagnostics) {
    let Some(receiver) = sig.receiver() else {
        diagnostics.at(&sig.ident, format!("a method of a service takes `&self`: `fn {}(&self, ..)`", sig.ident));
        return;
    };
    let message = match &receiver.kind {
        ReceiverKind::Reference(_, None, None) => return,
        ReceiverKind::Reference(_, lifetime, None) if lifetime.as_ref().is_some_and(|name| name.ident == "_") => return,
        ReceiverKind::Reference(_, _, None) => "a method of a service takes `&self`, without a lifetime",
        ReceiverKind::Reference(_, _, Some(_)) => {
            "a method of a service takes `&self`, not `&mut self`: calls run concurrently, so keep what changes in a \
             `Mutex`, an atomic or the like"
        }
        ReceiverKind::Value => "a method of a service takes `&self`, not `self`: calls share the implementation",
        _ => "a method of a service takes `&self`: the implementation is shared for you",
    };
    diagnostics.at(receiver, message);
}

/// The client has a method for each of the trait's. A method named `clone` would take precedence over `Clone::clone`.
/// One named `into` or `try_into` would be hidden by the methods that every type has: these take `self`, so the
/// compiler finds them first.
fn can_be_called_on_the_client(sig: &Signature, diagnostics: &mut Diagnostics) {
    let name = sig.ident.to_string();
    let problem = match name.as_str() {
        "clone" => "would hide `Clone` of the generated client",
        "into" => "would be hidden by `Into` on the generated client",
        "try_into" => "would be hidden by `TryInto` on the generated client",
        _ => return,
    };
    let message = format!(
        "a method named `{name}` {problem}: name it otherwise, and keep the name on the wire with `#[rpc(name = \"{name}\")]`"
    );
    diagnostics.at(&sig.ident, message);
}

/// Items and errors travel. The stream itself may borrow from the implementation, and from the context.
fn has_owned_items(stream: &StreamOutput, diagnostics: &mut Diagnostics) {
    is_owned(&stream.items, diagnostics);
    if let Some(refusal) = &stream.refusal {
        is_owned(refusal, diagnostics);
    }
}

/// The server writes the result as JSON and the client decodes it, so it cannot borrow.
fn returns_an_owned_value(ty: &Type, diagnostics: &mut Diagnostics) {
    match types::peel(ty) {
        Type::Never(_) => return diagnostics.at(ty, "a method of a service must return: `!` cannot be answered"),
        Type::ImplTrait(output) if is_future(output.bounds.iter()) => {
            return diagnostics.at(ty, "write `async fn` and the future's output, instead of `-> impl Future`");
        }
        _ => {}
    }
    if let Some(found) = types::find(ty, is_stream) {
        return diagnostics.at(found, "a method that returns a stream needs the key `stream`: `#[rpc(stream)]`");
    }
    is_owned(ty, diagnostics);
}

fn is_owned(ty: &Type, diagnostics: &mut Diagnostics) {
    if let Some(found) = types::find(ty, |ty| matches!(ty, Type::ImplTrait(_))) {
        diagnostics.at(found, "a method of a service cannot return `impl Trait`: the client must know the type");
    } else if let Some(found) = types::find(ty, |ty| matches!(ty, Type::Reference(_))) {
        let owned = types::owned_form(found);
        diagnostics.at(found, format!("a method of a service cannot return a reference: the answer travels; {owned}"));
    } else if let Some(lifetime) = types::borrowed_lifetime(ty) {
        let message = "a method of a service cannot return borrowed data: the answer travels; return an owned type";
        diagnostics.at(lifetime, message);
    } else if let Some(ident) = types::self_type(ty) {
        diagnostics.at(ident, super::params::SELF_IN_SIGNATURE);
    }
}

fn is_future<'a>(mut bounds: impl Iterator<Item = &'a TypeParamBound>) -> bool {
    bounds.any(|bound| match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last().is_some_and(|segment| segment.ident == "Future"),
        _ => false,
    })
}
