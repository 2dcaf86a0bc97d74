//! One function for each rule, with its reason where that is not obvious.

use proc_macro2::Ident;
use syn::Type;

use super::ast::{ErrorType, Variant};
use super::attr::Code;
use crate::diagnostics::Diagnostics;
use crate::types;

/// The size of the largest tuple that the library encodes and decodes.
const MOST_FIELDS: usize = 16;

/// Checks an error type that is not generic.
pub(crate) fn error(error: &ErrorType, diagnostics: &mut Diagnostics) {
    has_variants(error, diagnostics);
    for variant in &error.variants {
        if let Some(internal) = &variant.args.internal {
            internal_says_nothing_to_callers(internal, variant, diagnostics);
        } else if variant.args.transparent.is_some() {
            transparent_wraps_one_field(variant, diagnostics);
            transparent_says_nothing_itself(variant, diagnostics);
        } else {
            has_a_code(variant, diagnostics);
            fields_are_owned(variant, diagnostics);
            fields_have_names_where_they_travel_by_name(variant, diagnostics);
        }
        if let Some(code) = variant.args.code {
            code_is_free_for_services(code, diagnostics);
        }
        if variant.args.internal.is_none() {
            field_names_differ(variant, diagnostics);
            has_not_too_many_fields(variant, diagnostics);
        }
    }
    codes_differ(error, diagnostics);
}

/// A client decodes an error by its code alone, which cannot choose a type parameter.
pub(crate) fn is_not_generic(error: &ErrorType, diagnostics: &mut Diagnostics) -> bool {
    let generics = &error.generics;
    if !generics.params.is_empty() {
        diagnostics.at(generics, "`RpcError` cannot be derived for a generic type: use concrete types");
        return false;
    }
    if let Some(clause) = &generics.where_clause {
        diagnostics.at(clause, "`RpcError` cannot be derived for a type with a where clause");
        return false;
    }
    true
}

/// Such a type has no values. A method that cannot fail returns no `Result`.
fn has_variants(error: &ErrorType, diagnostics: &mut Diagnostics) {
    if error.variants.is_empty() {
        let message = format!(
            "`{}` has no variants: a method that cannot fail returns its value instead of a `Result`",
            error.ident
        );
        diagnostics.at(&error.ident, message);
    }
}

fn transparent_wraps_one_field(variant: &Variant, diagnostics: &mut Diagnostics) {
    if variant.fields.len() != 1 {
        let message = format!(
            "`transparent` wraps another error, so `{}` needs exactly one field, of that error's type",
            variant.ident
        );
        diagnostics.at(&variant.ident, message);
    }
}

/// The wrapped error determines the code, the data and whether to retry.
fn transparent_says_nothing_itself(variant: &Variant, diagnostics: &mut Diagnostics) {
    if let Some(code) = variant.args.code {
        let message = "a `transparent` error has the code of the error it wraps: leave `code` out";
        diagnostics.at(code, message);
    }
    if let Some(retryable) = &variant.args.retryable {
        diagnostics.at(retryable, "whether a `transparent` error is retryable is said by the error it wraps");
    }
    for name in variant.fields.iter().filter_map(|field| field.explicit.as_ref()) {
        diagnostics.at(name, "a `transparent` error travels as the error it wraps, so its field has no name");
    }
}

/// The caller gets -32603 without data, and cannot tell it from other internal errors.
fn internal_says_nothing_to_callers(internal: &Ident, variant: &Variant, diagnostics: &mut Diagnostics) {
    if variant.args.transparent.is_some() {
        let message = "an error is `transparent`, and travels as the error it wraps, or `internal`, and stays on the \
                       server: choose one";
        diagnostics.at(internal, message);
        return;
    }
    if let Some(code) = variant.args.code {
        let message = "an `internal` error stays on the server, and its caller gets -32603: leave `code` out";
        diagnostics.at(code, message);
    }
    if let Some(retryable) = &variant.args.retryable {
        diagnostics.at(retryable, "an `internal` error tells its caller nothing, so it cannot be `retryable`");
    }
    for name in variant.fields.iter().filter_map(|field| field.explicit.as_ref()) {
        diagnostics.at(name, "an `internal` error stays on the server, so its fields have no names on the wire");
    }
}

fn has_a_code(variant: &Variant, diagnostics: &mut Diagnostics) {
    if variant.args.code.is_none() && !variant.args.is_malformed {
        let message = format!(
            "`{}` needs a code: `#[rpc(code = 1001)]`, or `#[rpc(transparent)]`, or `#[rpc(internal)]`",
            variant.ident
        );
        diagnostics.at(&variant.ident, message);
    }
}

/// [Section 5.1](https://www.jsonrpc.org/specification#error_object) reserves -32768 to -32000. Services have long used
/// the upper part of this range, and this framework reserves -32099 to -32089 in it.
fn code_is_free_for_services(code: Code, diagnostics: &mut Diagnostics) {
    let reserved_for = match code.value {
        -32099..=-32089 => "the range -32099 to -32089 is this framework's own",
        -32088..=-32000 => return,
        -32768..=-32000 => "the range -32768 to -32000 is reserved by JSON-RPC 2.0, section 5.1",
        _ => return,
    };
    let message = format!(
        "the code {} is not free: {reserved_for}; use -32088 to -32000, or anything outside of that range",
        code.value
    );
    diagnostics.at(code, message);
}

/// Clients identify the variant by its code.
fn codes_differ(error: &ErrorType, diagnostics: &mut Diagnostics) {
    let coded = || error.variants.iter().filter_map(|variant| variant.args.code.map(|code| (variant, code)));
    for (index, (variant, code)) in coded().enumerate() {
        if let Some((first, _)) = coded().take(index).find(|(_, other)| other.value == code.value) {
            let message = format!("`{}` and `{}` both have the code {}", first.ident, variant.ident, code.value);
            diagnostics.at(code, message);
        }
    }
}

/// The client decodes the error from an answer that it drops soon after, so the error cannot borrow from it.
fn fields_are_owned(variant: &Variant, diagnostics: &mut Diagnostics) {
    for field in &variant.fields {
        if let Some(found) = types::find(&field.ty, |ty| matches!(ty, Type::Reference(_))) {
            let owned = types::owned_form(found);
            diagnostics.at(found, format!("a field of an error cannot be a reference: it travels; {owned}"));
        }
    }
}

fn fields_have_names_where_they_travel_by_name(variant: &Variant, diagnostics: &mut Diagnostics) {
    for field in &variant.fields {
        if let (None, Some(name)) = (&field.wire, &field.explicit) {
            diagnostics.at(name, "an unnamed field travels by its position and has no name");
        }
    }
}

fn field_names_differ(variant: &Variant, diagnostics: &mut Diagnostics) {
    let names = || variant.fields.iter().filter_map(|field| field.wire.as_ref());
    for (index, (name, span)) in names().enumerate() {
        if names().take(index).any(|(other, _)| other == name) {
            let message = format!("`{}` has two fields called `{name}` on the wire", variant.ident);
            diagnostics.push(syn::Error::new(*span, message));
        }
    }
}

fn has_not_too_many_fields(variant: &Variant, diagnostics: &mut Diagnostics) {
    if variant.fields.len() > MOST_FIELDS {
        let message = format!(
            "an error has at most {MOST_FIELDS} fields, and `{}` has {}: put them into a struct",
            variant.ident,
            variant.fields.len()
        );
        diagnostics.at(&variant.ident, message);
    }
}
