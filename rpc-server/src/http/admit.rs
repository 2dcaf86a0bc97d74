//! Decides from the head of a request how to answer it: [`admit`] on the path of calls, [`route`] on the paths of the
//! user's routes, [`beside`] on all others. [`refuse_head`] refuses requests for faults that `serve` finds before it
//! looks at the path. `answer` carries out the decision. Nothing here waits or reads a body.

use std::sync::Arc;

use bytes::Bytes;
use http::Request;
use http_body::Body;
use rpc_core::RequestContext;
use rpc_core::contain::contain;

use super::arrival::Connection;
use super::body;
use super::early::EarlyAnswer;
use super::face::Face;
use super::head::Head;
use super::host_header::HostFault;
use super::pages::{self, Guarded};
use super::routes::Routes;
use super::turned_away::{Turned, TurnedAway};
use crate::idempotency::KeyHeaders;
use crate::load::Full;

/// An admitted request: the context that its calls share, and its body.
///
/// It holds only what is still needed, since hyper moves the future that answers a request with all that it holds.
pub(crate) struct Admitted<B> {
    pub(super) context: Arc<RequestContext>,
    pub(super) body: B,
    pub(super) keys: KeyHeaders,
}

/// Checks the head of a request for the path of calls.
pub(crate) fn admit<B>(face: &Face, request: Request<B>, connection: Connection) -> Result<Admitted<B>, TurnedAway>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Send,
{
    let (parts, body) = request.into_parts();
    let head = match Head::read(face, &parts, connection) {
        Ok(head) => head,
        Err(refusal) => {
            body::discard(body, &parts.headers);
            contain(|| drop(parts.extensions));
            return Err(TurnedAway::new(Turned::Answer(refusal), &parts.method));
        }
    };
    let (Head::Calls { timeout, .. } | Head::Question { timeout }) = head;
    let context = RequestContext::new(parts.headers, connection.peer_addr, parts.extensions)
        .with_timeout(timeout, || tokio::time::Instant::now().into_std());
    match head {
        Head::Calls { keys, .. } => Ok(Admitted { context: Arc::new(context), body, keys }),
        Head::Question { .. } => {
            body::discard(body, &context.headers);
            Err(TurnedAway::new(Turned::Question(Arc::new(context)), &parts.method))
        }
    }
}

/// Decides how to answer a request for a path other than that of calls.
pub(crate) fn beside<B>(face: &Face, request: Request<B>, connection: Connection) -> TurnedAway
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Send,
{
    let (parts, body) = request.into_parts();
    body::discard(body, &parts.headers);
    let Some(page) = face.http.pages.find(parts.uri.path()) else {
        contain(|| drop(parts.extensions));
        return TurnedAway::new(Turned::Answer(EarlyAnswer::not_found()), &parts.method);
    };
    let turned = match pages::refusal(&parts, &face.http, connection) {
        Some(refusal) => Turned::Answer(refusal),
        None if page.requires.is_none() => Turned::Page((page.render)()),
        None => {
            let context = RequestContext::new(parts.headers, connection.peer_addr, parts.extensions);
            let guarded = Guarded::new(page, Arc::new(context));
            return TurnedAway::new(Turned::Guarded(Box::new(guarded)), &parts.method);
        }
    };
    contain(|| drop(parts.extensions));
    TurnedAway::new(turned, &parts.method)
}

/// Lets the user's routes answer a request.
pub(crate) fn route<B>(face: &Face, routes: &Routes, request: Request<B>, connection: Connection) -> TurnedAway
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync,
{
    let method = request.method().clone();
    let turned = match routes.begin(request, connection, &face.limits) {
        Ok(routed) => Turned::Routed(Box::new(routed)),
        Err(refusal) => Turned::Answer(refusal),
    };
    TurnedAway::new(turned, &method)
}

/// Why a request is refused before its path is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HeadFault {
    /// The server has no room to hold its head.
    NoRoom(Full),
    Host(HostFault),
}

/// Refuses a request because of its head.
pub(crate) fn refuse_head<B>(request: Request<B>, fault: HeadFault) -> TurnedAway
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
    TurnedAway::new(Turned::Answer(refusal), &parts.method)
}
