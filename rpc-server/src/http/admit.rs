//! Decides from the head of a request how to answer it: [`admit`] on the path of calls, [`route`] on the paths of the
//! user's routes, [`beside`] on all others. [`refuse_head`] refuses requests for faults that `serve` finds before it
//! looks at the path. `answer` carries out the decision. Nothing here waits or reads a body.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body::Body;
use rpc_core::RequestContext;
use rpc_core::contain::contain;

use super::body;
use super::connection::ConnectionInfo;
use super::early::EarlyAnswer;
use super::head::RequestHead;
use super::host_header::HostFault;
use super::non_call_request::{NonCallKind, NonCallRequest};
use super::pages::{self, GuardedPage};
use super::routes::Routes;
use super::state::HttpState;
#[cfg(feature = "websocket")]
use super::upgrade::{UpgradeRequest, is_upgrade};
use crate::idempotency::KeyHeaders;
use crate::load::CapacityError;

/// An admitted request: the context that its calls share, and its body.
///
/// It holds only what is still needed, since hyper moves the future that answers a request with all that it holds.
pub(crate) struct AdmittedRequest<B> {
    pub(super) context: Arc<RequestContext>,
    pub(super) body: B,
    pub(super) keys: KeyHeaders,
}

/// Checks the head of a request for the path of calls. Returns a [`NonCallRequest`] if the head is refused, or if the
/// client asks about the server (`HEAD`).
pub(crate) fn admit<B>(
    http_state: &HttpState,
    request: Request<B>,
    connection: ConnectionInfo,
) -> Result<AdmittedRequest<B>, NonCallRequest>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Send,
{
    let (parts, body) = request.into_parts();
    #[cfg(feature = "websocket")]
    if http_state.http.websocket.is_some() && is_upgrade(&parts) {
        return Err(open(http_state, (parts, body), connection));
    }
    let head = match RequestHead::read(http_state, &parts, connection) {
        Ok(head) => head,
        Err(refusal) => {
            body::discard(body, &parts.headers);
            contain(|| drop(parts.extensions));
            return Err(NonCallRequest::new(NonCallKind::Answer(refusal), &parts.method));
        }
    };
    let (RequestHead::Calls { timeout, .. } | RequestHead::Question { timeout }) = head;
    let context = RequestContext::new(parts.headers, connection.peer_addr, parts.extensions)
        .with_timeout(timeout, || tokio::time::Instant::now().into_std());
    match head {
        RequestHead::Calls { keys, .. } => Ok(AdmittedRequest { context: Arc::new(context), body, keys }),
        RequestHead::Question { .. } => {
            body::discard(body, &context.headers);
            Err(NonCallRequest::new(NonCallKind::Question(Arc::new(context)), &parts.method))
        }
    }
}

/// Checks a request that opens a WebSocket.
#[cfg(feature = "websocket")]
#[cold]
fn open<B>(
    http_state: &HttpState,
    (parts, body): (http::request::Parts, B),
    connection: ConnectionInfo,
) -> NonCallRequest
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Send,
{
    let method = parts.method.clone();
    let has_body = !body.is_end_stream();
    body::discard(body, &parts.headers);
    let kind = if has_body {
        NonCallKind::Answer(EarlyAnswer::upgrade("a request that opens a WebSocket has no body"))
    } else if parts.headers.len() > http_state.limits.max_headers {
        NonCallKind::Answer(EarlyAnswer::large_head(&http_state.limits))
    } else {
        match UpgradeRequest::read(http_state, parts, connection) {
            Ok(upgrade) => NonCallKind::Upgrade(Box::new(upgrade)),
            Err(refusal) => NonCallKind::Answer(refusal),
        }
    };
    NonCallRequest::new(kind, &method)
}

/// Decides how to answer a request for a path other than that of calls.
pub(crate) fn beside<B>(http_state: &HttpState, request: Request<B>, connection: ConnectionInfo) -> NonCallRequest
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Send,
{
    let (parts, body) = request.into_parts();
    body::discard(body, &parts.headers);
    let Some(page) = http_state.http.pages.find(parts.uri.path()) else {
        contain(|| drop(parts.extensions));
        return NonCallRequest::new(NonCallKind::Answer(EarlyAnswer::not_found()), &parts.method);
    };
    let turned = match pages::refusal(&parts, &http_state.http, connection) {
        Some(refusal) => NonCallKind::Answer(refusal),
        None if page.requires.is_none() => NonCallKind::Page((page.render)()),
        None => {
            let context = RequestContext::new(parts.headers, connection.peer_addr, parts.extensions);
            let guarded = GuardedPage::new(page, Arc::new(context));
            return NonCallRequest::new(NonCallKind::Guarded(Box::new(guarded)), &parts.method);
        }
    };
    contain(|| drop(parts.extensions));
    NonCallRequest::new(turned, &parts.method)
}

/// Lets the user's routes answer a request.
pub(crate) fn route<B>(
    http_state: &HttpState,
    routes: &Routes,
    request: Request<B>,
    connection: ConnectionInfo,
) -> NonCallRequest
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync,
{
    let method = request.method().clone();
    let turned = match routes.begin(request, connection, &http_state.limits) {
        Ok(routed) => NonCallKind::Routed(Box::new(routed)),
        Err(refusal) => NonCallKind::Answer(refusal),
    };
    NonCallRequest::new(turned, &method)
}

/// Why a request is refused before its path is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HeadFault {
    /// The server or the connection has no room for the request's head.
    NoRoom(CapacityError),
    /// Its header `Host` is missing, doubled or invalid.
    Host(HostFault),
}

/// Refuses a request because of its head.
pub(crate) fn refuse_head<B>(request: Request<B>, fault: HeadFault) -> NonCallRequest
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Send,
{
    let (parts, body) = request.into_parts();
    body::discard(body, &parts.headers);
    contain(|| drop(parts.extensions));
    let refusal = match fault {
        HeadFault::NoRoom(full) => EarlyAnswer::no_room(full),
        HeadFault::Host(fault) => EarlyAnswer::host_header(fault),
    };
    NonCallRequest::new(NonCallKind::Answer(refusal), &parts.method)
}
