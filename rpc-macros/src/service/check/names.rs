//! Rules about names on the wire.

use std::collections::HashMap;

use syn::LitStr;

use super::super::ast::{Method, Service};
use super::super::wire_name::WireName;
use crate::diagnostics::Diagnostics;

/// The prefix of the names that [section 4](https://www.jsonrpc.org/specification#request_object) reserves.
pub(super) const RESERVED: &str = "rpc.";

/// Checks the service's names on the wire.
pub(super) fn names(service: &Service, diagnostics: &mut Diagnostics) {
    separator_has_something_to_separate(service, diagnostics);
    none_is_reserved(service, diagnostics);
    none_is_taken(service, diagnostics);
}

fn separator_has_something_to_separate(service: &Service, diagnostics: &mut Diagnostics) {
    if let (None, Some(separator)) = (&service.namespace, &service.separator) {
        diagnostics
            .at(separator, "`separator` stands between `namespace` and the methods' names: give a `namespace` too");
    }
}

fn none_is_reserved(service: &Service, diagnostics: &mut Diagnostics) {
    // An invalid namespace would cause an error in every method.
    if let Some(namespace) = &service.namespace {
        let separator = service.separator.as_ref().map_or_else(|| ".".to_owned(), LitStr::value);
        if format!("{}{separator}", namespace.value()).starts_with(RESERVED) {
            diagnostics.at(namespace, "names that begin with `rpc.` are reserved by JSON-RPC 2.0, section 4");
            return;
        }
    }
    for method in &service.methods {
        for name in wire_names(method).filter(|name| name.text.starts_with(RESERVED)) {
            let message = format!("`{name}`: names that begin with `rpc.` are reserved by JSON-RPC 2.0, section 4");
            diagnostics.push(syn::Error::new(name.span, message));
        }
    }
}

/// A server finds a method by its name, so names must be unique.
fn none_is_taken(service: &Service, diagnostics: &mut Diagnostics) {
    let mut taken = HashMap::<&str, Vec<&Method>>::new();
    for method in &service.methods {
        for name in wire_names(method) {
            let owners = taken.entry(&name.text).or_default();
            if let Some(owner) = owners.iter().find(|owner| !owner.may_exclude(method)) {
                diagnostics.push(syn::Error::new(name.span, taken_by(name, owner, method)));
            }
            owners.push(method);
        }
    }
}

fn taken_by(name: &WireName, owner: &Method, method: &Method) -> String {
    if std::ptr::eq(owner, method) {
        return format!("`{}` has the name `{name}` already", method.ident);
    }
    format!("`{}` and `{}` are both called `{name}` on the wire", owner.ident, method.ident)
}

pub(super) fn wire_names(method: &Method) -> impl Iterator<Item = &WireName> {
    std::iter::once(&method.wire).chain(&method.aliases)
}
