//! Rules about the names of the older subscription form: `subscribe`, `topic` and `unsubscribe`.

use syn::LitStr;

use super::super::ast::{Method, Service};
use super::names::{RESERVED, wire_names};
use crate::diagnostics::Diagnostics;

/// Checks the names of the older subscription form.
pub(super) fn check(service: &Service, diagnostics: &mut Diagnostics) {
    for (index, method) in service.methods.iter().enumerate() {
        let names = &method.attrs.stream;
        for name in names.subscribe.iter().chain(&names.unsubscribe) {
            is_not_reserved(name, diagnostics);
            is_no_method(name, method, service, diagnostics);
        }
        opens_one_stream(method, &service.methods[..index], diagnostics);
        ends_what_it_opened(method, service, diagnostics);
    }
}

fn is_not_reserved(name: &LitStr, diagnostics: &mut Diagnostics) {
    if name.value().starts_with(RESERVED) {
        let message =
            format!("`{}`: names that begin with `rpc.` are reserved by JSON-RPC 2.0, section 4", name.value());
        diagnostics.at(name, message);
    }
}

/// The server finds a method by its name first.
fn is_no_method(name: &LitStr, method: &Method, service: &Service, diagnostics: &mut Diagnostics) {
    let text = name.value();
    let has_name = |other: &&Method| wire_names(other).any(|name| name.text == text) && !other.may_exclude(method);
    if let Some(other) = service.methods.iter().find(has_name) {
        diagnostics.at(name, format!("`{text}` is the name of the method `{}` on the wire", other.ident));
    }
}

/// The topic selects among the methods with the same `subscribe`.
fn opens_one_stream(method: &Method, before: &[Method], diagnostics: &mut Diagnostics) {
    let names = &method.attrs.stream;
    let Some(subscribe) = &names.subscribe else { return };
    let is_rival = |other: &&Method| {
        let has_own_topic = match (&other.attrs.stream.topic, &names.topic) {
            (Some(others), Some(own)) => others.value() != own.value(),
            _ => false,
        };
        opens(other, &subscribe.value()) && !has_own_topic && !other.may_exclude(method)
    };
    if let Some(other) = before.iter().find(is_rival) {
        let (name, ident) = (subscribe.value(), &method.ident);
        let message = format!("`{name}` opens `{}` and `{ident}`: give each its own `topic`", other.ident);
        diagnostics.at(names.topic.as_ref().unwrap_or(subscribe), message);
    }
}

/// A call of the name must mean one thing.
fn ends_what_it_opened(method: &Method, service: &Service, diagnostics: &mut Diagnostics) {
    let Some(unsubscribe) = &method.attrs.stream.unsubscribe else { return };
    let name = unsubscribe.value();
    if let Some(other) = service.methods.iter().find(|other| opens(other, &name)) {
        diagnostics.at(unsubscribe, format!("`{name}` opens the stream `{}` already", other.ident));
    }
}

fn opens(method: &Method, name: &str) -> bool {
    method.attrs.stream.subscribe.as_ref().is_some_and(|subscribe| subscribe.value() == name)
}
