//! Rules about methods that answer with streams.

use syn::ReturnType;

use super::super::ast::{Method, Output, Param, StreamOutput, is_stream};
use crate::diagnostics::Diagnostics;
use crate::types;

/// Checks the keys of a method that do not change its signature.
pub(super) fn check_keys(method: &Method, diagnostics: &mut Diagnostics) {
    has_no_effect(method, diagnostics);
    does_not_block(method, diagnostics);
    has_no_order(method, diagnostics);
    selects_by_topic(method, diagnostics);
}

/// Checks the return type and the parameters of a method with `stream`, and that other methods have none of its keys.
pub(super) fn check(method: &Method, diagnostics: &mut Diagnostics) {
    match &method.output {
        Output::Stream(stream) => {
            cursors_are_resumed(method, stream, diagnostics);
            resumes_by_cursor(method, stream, diagnostics);
            after_is_the_last_parameter(method, diagnostics);
            resumes_with_named_params(method, diagnostics);
        }
        Output::NoStream(error) => diagnostics.push(error.clone()),
        _ => keys_need_a_stream(method, diagnostics),
    }
}

/// Streams are dropped half-way and opened again, so a stream changes nothing.
fn has_no_effect(method: &Method, diagnostics: &mut Diagnostics) {
    if method.attrs.stream.stream.is_none() {
        return;
    }
    if let Some(readonly) = &method.attrs.readonly {
        diagnostics.at(readonly, "`stream` implies `readonly`: leave `readonly` out");
    } else if let Some(idempotent) = &method.attrs.idempotent {
        diagnostics.at(idempotent, "`stream` implies `readonly`, and so `idempotent`: leave `idempotent` out");
    }
}

/// The server polls a stream, and a blocking one would occupy the thread of other calls.
fn does_not_block(method: &Method, diagnostics: &mut Diagnostics) {
    if let (Some(_), Some(blocking)) = (&method.attrs.stream.stream, &method.attrs.blocking) {
        let message = "a stream cannot be `blocking`: send its items from `tokio::task::spawn_blocking` by a channel";
        diagnostics.at(blocking, message);
    }
}

/// The order is that of notifications, and a stream answers a call.
fn has_no_order(method: &Method, diagnostics: &mut Diagnostics) {
    if let (Some(_), Some(ordered)) = (&method.attrs.stream.stream, &method.attrs.ordered) {
        let message = "a stream cannot be `ordered`: only notifications run in order, and a stream answers a call";
        diagnostics.at(ordered, message);
    }
}

fn selects_by_topic(method: &Method, diagnostics: &mut Diagnostics) {
    let keys = &method.attrs.stream;
    if let (Some(_), Some(topic), None) = (&keys.stream, &keys.topic, &keys.subscribe)
        && !keys.options.iter().any(|key| key == "subscribe")
    {
        diagnostics.at(topic, "`topic` selects among the methods with one `subscribe`: give a `subscribe` too");
    }
}

fn keys_need_a_stream(method: &Method, diagnostics: &mut Diagnostics) {
    // Then the missing `stream` is reported at the return type.
    if let ReturnType::Type(_, ty) = &method.returns
        && types::find(ty, is_stream).is_some()
    {
        return;
    }
    for key in &method.attrs.stream.options {
        diagnostics.at(key, format!("`{key}` is for streams: give `stream` too"));
    }
}

/// A client without a cursor gets no second part of a stream.
fn cursors_are_resumed(method: &Method, stream: &StreamOutput, diagnostics: &mut Diagnostics) {
    if method.attrs.stream.resume.is_some() {
        return;
    }
    if stream.cursor.is_some() {
        diagnostics.at(&stream.items, "`At` has the cursor with which clients resume the stream: give `resume` too");
    }
    if let Some(after) = method.params().find(|param| is_after(param)) {
        diagnostics.at(&after.ty, "`After` has the cursor with which clients resume the stream: give `resume` too");
    }
}

fn resumes_by_cursor(method: &Method, stream: &StreamOutput, diagnostics: &mut Diagnostics) {
    if method.attrs.stream.resume.is_some() && stream.cursor.is_none() {
        let message = "the items of a stream with `resume` have cursors: `At<C, T>`, or `Result<At<C, T>, E>`";
        diagnostics.at(&stream.items, message);
    }
}

/// The client passes the cursor behind the arguments of its caller.
fn after_is_the_last_parameter(method: &Method, diagnostics: &mut Diagnostics) {
    let Some(resume) = &method.attrs.stream.resume else { return };
    if method.has_whole_params() {
        return;
    }
    let Some(after) = method.params().find(|param| is_after(param)) else {
        let message = format!(
            "a stream with `resume` begins behind a cursor: give `{}` the last parameter `after: rpc::After<C>`",
            method.ident
        );
        return diagnostics.at(resume, message);
    };
    if !method.params().last().is_some_and(is_after) {
        diagnostics.at(&after.ty, "`After` is the last parameter: the client fills it in");
    } else if method.params().filter(|param| is_after(param)).count() > 1 {
        diagnostics.at(&after.ty, "a method has one `After`, the last parameter");
    } else if types::only_argument(&after.ty).is_none() {
        diagnostics.at(&after.ty, "`After` has one type, that of the cursor: `After<C>`");
    } else if let Some(key) = &after.attrs.default_key {
        diagnostics.at(key, "`After` is empty for a new stream, so it has no `default`");
    }
}

/// `After` is a parameter beside the others.
fn resumes_with_named_params(method: &Method, diagnostics: &mut Diagnostics) {
    if let (Some(params), Some(_)) = (&method.attrs.params, &method.attrs.stream.resume) {
        diagnostics.at(params, "`params` leaves no place for the cursor of `resume`: write the parameters out");
    }
}

fn is_after(param: &Param) -> bool {
    types::is_named(&param.ty, "After")
}
