//! [`RequestContext`]: what the calls of one request have in common. The server makes one for each HTTP request;
//! authors of transports and tests of handlers make their own.

use std::net::SocketAddr;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use http::header::ACCEPT;
use http::{Extensions, HeaderMap, HeaderValue};

use super::cancellation::Cancellation;
use super::response_headers::ResponseHeaders;
use crate::contain::contain;
use crate::stream::StreamSlot;
use crate::{AnswerStream, Peer, Principal, headers};

/// What the calls of one request have in common: headers, peer, extensions, principal, deadline.
///
/// The server makes one for each HTTP request. A custom transport makes one for each message that it passes to a
/// [`Dispatch`](crate::Dispatch). Tests of handlers make one for a [`Context`](crate::Context).
///
/// # Example
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// use std::sync::Arc;
/// use std::time::{Duration, Instant};
///
/// use rpc::{Context, Dispatch, Principal, RequestContext, Server};
///
/// let server = Server::builder()
///     .method("whoami", |cx: Context| async move {
///         assert!(cx.remaining().is_some_and(|left| left <= Duration::from_secs(5)));
///         cx.principal().map(|principal| principal.subject().to_owned())
///     })
///     .build();
///
/// // As a transport does if it knows its peers.
/// let request = RequestContext::default()
///     .with_principal(Principal::new("ada"))
///     .with_deadline(Instant::now() + Duration::from_secs(5));
/// let body = r#"{"jsonrpc":"2.0","method":"whoami","id":1}"#;
/// let answer = server.dispatch(body.into(), Arc::new(request)).await;
/// assert_eq!(answer.body, r#"{"jsonrpc":"2.0","result":"ada","id":1}"#);
/// # }
/// ```
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct RequestContext {
    /// The request's headers.
    pub headers: HeaderMap,
    /// The peer's address, if known.
    pub peer_addr: Option<SocketAddr>,
    /// The extensions that HTTP layers have attached to the request.
    pub extensions: Extensions,
    pub(super) deadline: Option<Instant>,
    clock: Clock,
    pub(super) cancellation: Cancellation,
    principal: OnceLock<Principal>,
    /// Whether the caller was authenticated before, for all requests of a session.
    is_authenticated: bool,
    pub(super) response_headers: ResponseHeaders,
    /// Whether the call may be answered by a stream, whatever the headers say.
    accepts_stream: bool,
    /// Boxed and made late, since few requests open a stream.
    stream: OnceLock<Box<StreamSlot>>,
    peer: Option<Peer>,
    keeps_order: bool,
}

impl RequestContext {
    /// Makes the context of an HTTP request.
    ///
    /// # Example
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// use http::{Extensions, HeaderMap};
    /// use rpc::{Context, Dispatch, RequestContext, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder()
    ///     .method("address", |cx: Context| async move { cx.peer_addr().map(|peer| peer.ip().to_string()) })
    ///     .build();
    /// let peer = "192.0.2.7:50000".parse()?;
    /// let request = RequestContext::new(HeaderMap::new(), Some(peer), Extensions::new());
    /// let body = r#"{"jsonrpc":"2.0","method":"address","id":1}"#;
    /// let answer = server.dispatch(body.into(), Arc::new(request)).await;
    /// assert_eq!(answer.body, r#"{"jsonrpc":"2.0","result":"192.0.2.7","id":1}"#);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new(headers: HeaderMap, peer_addr: Option<SocketAddr>, extensions: Extensions) -> Self {
        Self {
            headers,
            peer_addr,
            extensions,
            deadline: None,
            clock: Clock::default(),
            cancellation: Cancellation::default(),
            principal: OnceLock::new(),
            is_authenticated: false,
            response_headers: ResponseHeaders::default(),
            accepts_stream: false,
            stream: OnceLock::new(),
            peer: None,
            keeps_order: false,
        }
    }

    /// Sets the time until which the caller waits for the answers. Default: no deadline.
    ///
    /// The deadline is compared with [`now`](Self::now), so take it from the same clock.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    ///
    /// use rpc::{Context, MethodSpec, RequestContext};
    ///
    /// let request = RequestContext::default().with_deadline(Instant::now() + Duration::from_secs(5));
    /// let cx = Context::new(MethodSpec::new("report"), None, request);
    /// assert!(cx.remaining().is_some_and(|left| left <= Duration::from_secs(5)));
    /// ```
    #[must_use]
    pub fn with_deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sets the clock by which deadlines are measured. Default: [`Instant::now`].
    ///
    /// Tests in which tokio's time is paused set tokio's clock, as the server does.
    ///
    /// # Example
    ///
    /// ```
    /// # tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap().block_on(async {
    /// use std::time::Duration;
    ///
    /// use rpc::{Context, MethodSpec, RequestContext};
    ///
    /// let now = || tokio::time::Instant::now().into_std();
    /// let request = RequestContext::default().with_clock(now).with_deadline(now() + Duration::from_secs(5));
    /// let cx = Context::new(MethodSpec::new("user.get"), None, request);
    /// tokio::time::sleep(Duration::from_secs(2)).await;
    /// assert_eq!(cx.remaining(), Some(Duration::from_secs(3)));
    /// # });
    /// ```
    #[must_use]
    pub fn with_clock(mut self, clock: fn() -> Instant) -> Self {
        self.clock = Clock(clock);
        self
    }

    /// Sets the caller. A principal with an empty subject is ignored.
    ///
    /// The first principal of a request counts: one that is set here overrides the one of the server's own
    /// authentication.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Principal, RequestContext};
    ///
    /// let request = RequestContext::default().with_principal(Principal::new("ada"));
    /// assert_eq!(request.principal().map(Principal::subject), Some("ada"));
    /// let request = request.with_principal(Principal::new("bob"));
    /// assert_eq!(request.principal().map(Principal::subject), Some("ada"));
    /// ```
    #[must_use]
    pub fn with_principal(self, principal: Principal) -> Self {
        self.set_principal(principal);
        self
    }

    /// Keeps the server from authenticating the caller of this request, since it has authenticated the whole session.
    #[doc(hidden)]
    #[must_use]
    pub fn already_authenticated(mut self) -> Self {
        self.is_authenticated = true;
        self
    }

    /// Returns whether the caller was authenticated before.
    #[doc(hidden)]
    #[inline]
    pub fn is_authenticated(&self) -> bool {
        self.is_authenticated
    }

    /// Sets the deadline from the header [`Rpc-Timeout-Ms`](crate::headers::RPC_TIMEOUT_MS), counted from now by this
    /// clock.
    #[doc(hidden)]
    #[must_use]
    pub fn counting_from_now(self, clock: fn() -> Instant) -> Self {
        let timeout = headers::timeout(&self.headers);
        self.with_timeout(timeout, clock)
    }

    /// Sets the deadline from an already parsed timeout, counted from now by this clock.
    #[doc(hidden)]
    #[inline]
    #[must_use]
    pub fn with_timeout(mut self, timeout: Option<Duration>, clock: fn() -> Instant) -> Self {
        self.clock = Clock(clock);
        // Most third-party clients send no timeout, and then the clock need not be read.
        self.deadline = timeout.and_then(|timeout| clock().checked_add(timeout));
        self
    }

    /// Returns the caller, if authentication has found it: the server's own authentication, or an HTTP layer that has
    /// put a [`Principal`] into the extensions. A principal with an empty subject there is ignored.
    pub fn principal(&self) -> Option<&Principal> {
        let of_layer = || self.extensions.get().filter(|principal: &&Principal| principal.is_somebody());
        self.principal.get().or_else(of_layer)
    }

    /// Sets the caller, as the server's authentication does before the calls are dispatched. It is set once: later
    /// principals are ignored, and so is one with an empty subject.
    #[doc(hidden)]
    pub fn set_principal(&self, principal: Principal) {
        if principal.is_somebody() {
            let _ = self.principal.set(principal);
        }
    }

    /// Returns the time until which the caller waits, if the caller said so.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Returns the time by the clock that measures deadlines.
    pub fn now(&self) -> Instant {
        (self.clock.0)()
    }

    /// Lets the call of the request be answered by a stream, as [`Answer::stream`](crate::Answer::stream). Default: it
    /// may be if the header `Accept` names `text/event-stream`.
    #[must_use]
    pub fn accepting_stream(mut self) -> Self {
        self.accepts_stream = true;
        self
    }

    /// Returns whether the call of the request may be answered by a stream.
    pub fn accepts_stream(&self) -> bool {
        self.accepts_stream || self.headers.get_all(ACCEPT).iter().any(names_event_stream)
    }

    /// Sets the other side of the session that the request came over, so that handlers can call it. Default: none.
    #[must_use]
    pub fn with_peer(mut self, peer: Peer) -> Self {
        self.peer = Some(peer);
        self
    }

    /// Returns the other side of the session that the request came over.
    pub fn peer(&self) -> Option<&Peer> {
        self.peer.as_ref()
    }

    /// Makes the request last until its handler has ended, since the next message begins then. A deadline does not
    /// detach the handler.
    #[doc(hidden)]
    #[must_use]
    pub fn keeping_order(mut self) -> Self {
        self.keeps_order = true;
        self
    }

    /// Returns whether the next message begins when the handler of this request has ended.
    #[doc(hidden)]
    pub fn keeps_order(&self) -> bool {
        self.keeps_order
    }

    /// Leaves the stream that a handler has opened for the server's answer.
    #[doc(hidden)]
    pub fn open_stream(&self, stream: AnswerStream) {
        self.stream.get_or_init(Box::default).put(stream);
    }

    /// Takes the stream that a handler has opened, if any.
    #[doc(hidden)]
    #[inline]
    pub fn take_stream(&self) -> Option<AnswerStream> {
        self.stream.get()?.take()
    }

    /// Takes the headers that handlers have set on the response, in the order of their calls.
    #[doc(hidden)]
    #[inline]
    pub fn take_response_headers(&self) -> Option<Box<HeaderMap>> {
        self.response_headers.take()
    }

    /// Marks the answers as no longer wanted: [`Context::cancelled`](crate::Context::cancelled) returns in all calls of
    /// the request.
    ///
    /// The server does this for the calls that it runs, when their [`Dispatch::dispatch`](crate::Dispatch::dispatch) is
    /// dropped or their time is over. A custom [`Dispatch`](crate::Dispatch) must do it for its handlers, and so must
    /// tests of handlers. It drops nothing.
    pub fn cancel(&self) {
        self.cancellation.cancel();
    }

    /// Returns whether the answers are no longer wanted.
    pub fn is_cancelled(&self) -> bool {
        self.cancellation.is_cancelled()
    }
}

impl Drop for RequestContext {
    #[inline]
    fn drop(&mut self) {
        // HTTP layers put values of their own types there, and the drop of such a value may panic.
        if !self.extensions.is_empty() {
            contain(|| drop(std::mem::take(&mut self.extensions)));
        }
    }
}

/// Returns whether an `Accept` names event streams. Ranges such as `*/*` do not: most clients send one with each call.
fn names_event_stream(accept: &HeaderValue) -> bool {
    let media_type = |part: &[u8]| part.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii().to_owned();
    accept
        .as_bytes()
        .split(|byte| *byte == b',')
        .any(|part| media_type(part).eq_ignore_ascii_case(b"text/event-stream"))
}

/// The source of the current time. Servers whose time is paused in tests have their own.
#[derive(Clone, Copy, Debug)]
struct Clock(fn() -> Instant);

impl Default for Clock {
    fn default() -> Self {
        Self(Instant::now)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::RequestContext;
    use crate::{Context, MethodSpec, Principal};

    #[test]
    fn a_context_made_by_hand_tells_who_calls_and_until_when() {
        let deadline = Instant::now() + Duration::from_secs(5);
        let request = RequestContext::default().with_principal(Principal::new("ada")).with_deadline(deadline);
        assert_eq!(request.deadline(), Some(deadline));
        let cx = Context::new(MethodSpec::new("m"), None, request);
        assert_eq!(cx.principal().map(Principal::subject), Some("ada"));
        assert!(cx.remaining().is_some_and(|left| left <= Duration::from_secs(5)));
    }

    #[test]
    fn the_first_principal_with_a_subject_counts() {
        let request = RequestContext::default().with_principal(Principal::new(""));
        assert!(request.principal().is_none());
        let request = request.with_principal(Principal::new("ada")).with_principal(Principal::new("bob"));
        request.set_principal(Principal::new("eve"));
        assert_eq!(request.principal().map(Principal::subject), Some("ada"));
    }

    #[test]
    fn deadlines_are_counted_by_the_clock_that_was_set() {
        fn later() -> Instant {
            Instant::now() + Duration::from_secs(3600)
        }
        let request =
            RequestContext::default().with_clock(later).with_deadline(Instant::now() + Duration::from_secs(5));
        assert!(request.now() > Instant::now() + Duration::from_secs(3000));
        assert_eq!(Context::new(MethodSpec::new("m"), None, request).remaining(), Some(Duration::ZERO));
    }
}
