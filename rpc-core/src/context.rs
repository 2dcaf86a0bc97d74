use std::net::SocketAddr;
use std::sync::Arc;

use http::{Extensions, HeaderMap};

use crate::{Id, MethodRef, MethodSpec};

/// Tells a handler about the call that it answers: method, id, headers, peer, extensions.
///
/// Methods of a service trait take `#[rpc(context)] cx: &rpc::Context`, closures take a `Context`. Cloning is cheap:
/// the calls of a batch share what came with their HTTP request.
///
/// # Example
///
/// ```
/// use rpc::{Context, Id, MethodSpec, RequestContext};
///
/// let mut request = RequestContext::default();
/// request.headers.insert("x-tenant", http::HeaderValue::from_static("a"));
/// let cx = Context::new(MethodSpec::new("user.get"), Some(Id::from(1)), request);
/// assert_eq!(cx.method(), "user.get");
/// assert_eq!(cx.headers()["x-tenant"], "a");
/// ```
#[derive(Clone, Debug)]
pub struct Context {
    method: MethodRef,
    id: Option<Id>,
    request: Arc<RequestContext>,
}

impl Context {
    /// Makes a context, as the server does for each call; tests of handlers may, too.
    pub fn new(method: impl Into<MethodRef>, id: Option<Id>, request: impl Into<Arc<RequestContext>>) -> Self {
        Self { method: method.into(), id, request: request.into() }
    }

    /// Returns the method's name on the wire. A call by an alias has the method's own name here.
    pub fn method(&self) -> &str {
        &self.method.name
    }

    /// Returns the method's description.
    pub fn spec(&self) -> &MethodSpec {
        &self.method
    }

    /// Returns the call's id; a notification has none.
    pub fn id(&self) -> Option<&Id> {
        self.id.as_ref()
    }

    /// Returns the headers of the HTTP request that carried the call. In process there are those that the client set.
    pub fn headers(&self) -> &HeaderMap {
        &self.request.headers
    }

    /// Returns the address of the peer, where there is a connection and its address is known.
    pub fn peer_addr(&self) -> Option<SocketAddr> {
        self.request.peer_addr
    }

    /// Returns what the HTTP layers around the server have attached to the request.
    pub fn extensions(&self) -> &Extensions {
        &self.request.extensions
    }
}

/// Holds what the calls of one HTTP request have in common.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct RequestContext {
    /// The request's headers.
    pub headers: HeaderMap,
    /// The peer's address, where it is known.
    pub peer_addr: Option<SocketAddr>,
    /// What HTTP layers have attached to the request.
    pub extensions: Extensions,
}

impl RequestContext {
    /// Makes the context of an HTTP request.
    pub fn new(headers: HeaderMap, peer_addr: Option<SocketAddr>, extensions: Extensions) -> Self {
        Self { headers, peer_addr, extensions }
    }
}
