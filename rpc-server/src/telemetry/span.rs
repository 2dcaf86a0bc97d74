//! The span of a call, with the fields of OpenTelemetry's conventions for RPC.

use rpc_core::{IdRef, RequestContext, TraceContext};
use tracing::Span;
use tracing::field::Empty;

use super::method::MethodTelemetry;
use crate::table::OTHER;

/// The maximum length of an unknown method's name in a span, in characters.
const MAX_ORIGINAL: usize = 256;

/// Creates the span of a call. `original` is the name in the message, if the method is unknown.
pub(super) fn open(
    known: &MethodTelemetry,
    original: Option<&str>,
    id: Option<IdRef<'_>>,
    request: &RequestContext,
    caller: Option<&TraceContext>,
    trace: Option<&TraceContext>,
) -> Span {
    let peer = request.peer_addr;
    tracing::info_span!(
        target: "rpc::server",
        "rpc.server",
        // OpenTelemetry's conventions name the span of an unknown method after the system.
        otel.name = if known.name == OTHER { "jsonrpc" } else { &*known.name },
        otel.kind = "server",
        otel.status_code = Empty,
        rpc.system.name = "jsonrpc",
        rpc.method = &*known.name,
        rpc.method_original = original.map(|name| name.chars().take(MAX_ORIGINAL).collect::<String>()),
        rpc.status_code = Empty,
        jsonrpc.protocol.version = "2.0",
        jsonrpc.request.id = id.and_then(text_of),
        error.type = Empty,
        network.peer.address = peer.map(|peer| display(peer.ip())),
        network.peer.port = peer.map(|peer| peer.port()),
        trace_id = trace.map(|trace| display(trace.trace_id())),
        span_id = trace.map(|trace| display(trace.span_id())),
        parent_id = caller.map(|caller| display(caller.span_id())),
    )
}

/// Returns the text of an id, or `None` for `null`.
pub(super) fn text_of(id: IdRef<'_>) -> Option<String> {
    match id.as_json() {
        "null" => None,
        json if json.starts_with('"') => serde_json::from_str(json).ok(),
        json => Some(json.to_owned()),
    }
}
