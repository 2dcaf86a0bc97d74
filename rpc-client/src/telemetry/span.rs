//! The spans of calls, batches and attempts, with the fields of OpenTelemetry's conventions for RPC.

use std::borrow::Cow;

use rpc_core::{MethodSpec, TraceContext};
use tracing::Span;
use tracing::field::Empty;

use super::labels::AddressLabels;
use crate::call_id::CallId;
use crate::delivery::Entry;

/// The label for all methods with names made at run time.
const OTHER: &str = "_OTHER";

/// Returns the label of a method. A program has few method names in its code. Names from run time can be anything, and
/// each would be kept forever.
pub(super) fn known(method: &MethodSpec) -> &'static str {
    match method.name {
        Cow::Borrowed(name) => name,
        Cow::Owned(_) => OTHER,
    }
}

/// The trace contexts of a span and of its parent.
#[derive(Clone, Copy)]
pub(super) struct SpanContexts<'a> {
    pub(super) parent: Option<&'a TraceContext>,
    pub(super) own: Option<&'a TraceContext>,
}

/// Makes the span of a call, all attempts together.
pub(super) fn of_call(
    server: Option<&AddressLabels>,
    entry: &Entry,
    SpanContexts { parent, own }: SpanContexts<'_>,
) -> Span {
    let name = known(&entry.method);
    tracing::info_span!(
        target: "rpc::client",
        "rpc.client",
        otel.name = if name == OTHER { "jsonrpc" } else { name },
        otel.kind = "client",
        otel.status_code = Empty,
        rpc.system.name = "jsonrpc",
        rpc.method = name,
        rpc.method_original = (name == OTHER).then_some(&*entry.method.name),
        rpc.status_code = Empty,
        jsonrpc.protocol.version = "2.0",
        jsonrpc.request.id = entry.decided_id().map(display),
        error.type = Empty,
        server.address = server.map(|server| &*server.host),
        server.port = server.and_then(|server| server.port),
        trace_id = own.map(|own| display(own.trace_id())),
        span_id = own.map(|own| display(own.span_id())),
        parent_id = parent.map(|parent| display(parent.span_id())),
    )
}

/// Notes the id of a call, which was not known when its span was made.
pub(super) fn identify(span: &Span, id: Option<&CallId>) {
    span.record("jsonrpc.request.id", id.map(tracing::field::display));
}

/// Sets the server of a span to the endpoint of the next attempt.
pub(super) fn moved(span: &Span, server: Option<&AddressLabels>) {
    span.record("server.address", server.map(|server| &*server.host));
    span.record("server.port", server.and_then(|server| server.port));
}

/// Makes the span of a batch, all attempts together.
pub(super) fn of_batch(
    server: Option<&AddressLabels>,
    size: usize,
    SpanContexts { parent, own }: SpanContexts<'_>,
) -> Span {
    tracing::info_span!(
        target: "rpc::client",
        "rpc.client.batch",
        otel.name = "batch",
        otel.kind = "client",
        otel.status_code = Empty,
        rpc.system.name = "jsonrpc",
        rpc.batch.size = size,
        rpc.batch.failures = Empty,
        jsonrpc.protocol.version = "2.0",
        error.type = Empty,
        server.address = server.map(|server| &*server.host),
        server.port = server.and_then(|server| server.port),
        trace_id = own.map(|own| display(own.trace_id())),
        span_id = own.map(|own| display(own.span_id())),
        parent_id = parent.map(|parent| display(parent.span_id())),
    )
}

/// Makes the span of an attempt at this server.
pub(super) fn of_attempt(
    of: &Span,
    number: u32,
    server: Option<&AddressLabels>,
    SpanContexts { parent, own }: SpanContexts<'_>,
) -> Span {
    tracing::info_span!(
        target: "rpc::client",
        parent: of,
        "rpc.client.attempt",
        otel.kind = "client",
        otel.status_code = Empty,
        rpc.system.name = "jsonrpc",
        rpc.attempt = number,
        rpc.status_code = Empty,
        error.type = Empty,
        server.address = server.map(|server| &*server.host),
        server.port = server.and_then(|server| server.port),
        trace_id = own.map(|own| display(own.trace_id())),
        span_id = own.map(|own| display(own.span_id())),
        parent_id = parent.map(|parent| display(parent.span_id())),
    )
}
