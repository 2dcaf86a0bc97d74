//! The face for HTTP: requests are checked, read and answered here, whoever accepted them.

mod answer_body;
mod authority;
mod body;
mod early;
mod host;
mod host_header;
mod origin;
mod out_of_reach;
mod pages;
mod path;
mod refusal;
mod router;
mod unread;

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ORIGIN};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use rpc_core::contain::contain;
use rpc_core::headers::{self, IDEMPOTENCY_KEY, RPC_IDEMPOTENCY, RPC_STATUS, RPC_TIMEOUT_MS, timeout_of};
use rpc_core::{AnswerStatus, BoxFuture, ErrorCode, RequestContext};

use crate::dispatch::Written;
use crate::idempotency;
use crate::load::{ConnectionLoad, Full, Room};
use crate::server::Inner;
pub(crate) use answer_body::AnswerBody;
use early::EarlyAnswer;
pub(crate) use host::listed as listed_host;
use host_header::HostFault;
pub(crate) use host_header::check_host;
use origin::Origin;
pub(crate) use origin::listed as listed_origin;
pub(crate) use out_of_reach::OutOfReach;
use pages::Guarded;
pub(crate) use pages::{Page, PageBody, Pages, Rendered, Roles, beside};
pub(crate) use path::checked as checked_path;
pub(crate) use refusal::Refusal;
pub(crate) use router::router;
pub(crate) use unread::{LeftBehind, Unread};

/// What a server is told about HTTP while it is built.
#[derive(Debug)]
pub(crate) struct HttpSettings {
    pub(crate) path: Cow<'static, str>,
    pub(crate) origins: Vec<String>,
    /// The names under which pages are shown.
    pub(crate) hosts: Vec<String>,
    pub(crate) pages: Pages,
    pub(crate) out_of_reach: OutOfReach,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<crate::tls::Tls>,
}

impl HttpSettings {
    /// Tells whether this host was listed, by itself or in an origin.
    fn names(&self, host: &str) -> bool {
        let mut origins = self.origins.iter().filter_map(|origin| Origin::parse(origin));
        self.hosts.iter().any(|listed| listed == host) || origins.any(|listed| listed.host == host)
    }

    /// Logs what was set for a standalone server and means nothing in an application of axum.
    fn warn_of_what_a_router_ignores(&self) {
        if self.path != "/" {
            let path = &*self.path;
            tracing::warn!(path, "a router ignores `ServerBuilder::path`: calls are served where the router is nested");
        }
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            tracing::warn!(
                "a router ignores `ServerBuilder::tls`: the application that it is a part of speaks TLS or not"
            );
        }
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            path: Cow::Borrowed("/"),
            origins: Vec::new(),
            hosts: Vec::new(),
            pages: Pages::default(),
            out_of_reach: OutOfReach::default(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}

/// What is known of the connection that a request came on.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Connection {
    pub(crate) peer_addr: Option<SocketAddr>,
    /// Whether the server is bound to a loopback address.
    pub(crate) loopback: bool,
}

const APPLICATION_JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A request that may be read: what its calls share, and its body.
///
/// What is needed no longer is gone by now, since hyper moves the future that answers a request, and with it all that it
/// holds.
pub(crate) struct Admitted<B> {
    context: Arc<RequestContext>,
    body: B,
    has_keys: bool,
}

/// Checks the head of an HTTP request.
pub(crate) fn admit<B>(server: &Inner, request: Request<B>, connection: Connection) -> Result<Admitted<B>, TurnedAway>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Send,
{
    let (parts, body) = request.into_parts();
    let Head { has_keys, timeout, asks_scope } = match check(server, &parts, connection) {
        Ok(head) => head,
        Err(refusal) => {
            body::discard(body, &parts.headers);
            contain(|| drop(parts.extensions));
            return Err(TurnedAway::new(Turned::Answer(refusal), &parts.method));
        }
    };
    let context = RequestContext::new(parts.headers, connection.peer_addr, parts.extensions)
        .with_timeout(timeout, || tokio::time::Instant::now().into_std());
    if asks_scope {
        body::discard(body, &context.headers);
        return Err(TurnedAway::new(Turned::Question(Arc::new(context)), &parts.method));
    }
    Ok(Admitted { context: Arc::new(context), body, has_keys })
}

/// Takes room for the head of a request, for as long as it is held, unless it is small.
///
/// Over HTTP/1.1 a connection has one head, which its buffer holds. Over HTTP/2 it has one for each stream.
pub(crate) fn hold_head(headers: &HeaderMap, load: &Arc<ConnectionLoad>) -> Result<Option<Room>, Full> {
    const SMALL_HEAD: usize = 1 << 10;
    let bytes = headers.iter().map(|(name, value)| name.as_str().len() + value.len()).sum();
    if bytes <= SMALL_HEAD {
        return Ok(None);
    }
    let mut room = Room::new(load);
    room.add(bytes).map(|()| Some(room))
}

/// Why a request is refused before its address is looked at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HeadFault {
    /// There is no room to hold its head.
    NoRoom(Full),
    Host(HostFault),
}

/// Refuses a request for its head.
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

/// What becomes of a request that brings no calls.
pub(crate) struct TurnedAway {
    with: Turned,
    /// Whether only the head of the answer was asked for.
    head: bool,
}

enum Turned {
    Answer(EarlyAnswer),
    Page(BoxFuture<Rendered>),
    Guarded(Box<Guarded>),
    /// It asks to whom its keys belong, so its credentials have to be looked at.
    Question(Arc<RequestContext>),
}

impl TurnedAway {
    fn new(with: Turned, method: &Method) -> Self {
        Self { with, head: method == Method::HEAD }
    }
}

/// Is told how the rest of a request arrives whose head was read.
pub(crate) trait Arrival {
    /// The body is waited for.
    fn waits(&self) {}

    /// Nothing more of the request is waited for.
    fn ends(&self) {}
}

/// For requests of whose connection nothing is known.
impl Arrival for () {}

/// Answers an HTTP request whose head was checked, and which came by the connection of this load.
pub(crate) async fn answer<B>(
    server: &Inner,
    request: Result<Admitted<B>, TurnedAway>,
    load: &Arc<ConnectionLoad>,
    arrival: &impl Arrival,
) -> Response<AnswerBody>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Send,
{
    let read = match request {
        Ok(Admitted { context, body, has_keys }) => {
            let read = body::read(body, server, &context, has_keys, load, || arrival.waits()).await;
            read.map(|read| (context, read, has_keys))
        }
        Err(turned) => {
            arrival.ends();
            return turn_away(server, turned, load).await;
        }
    };
    arrival.ends();
    match read {
        Ok((context, (body, mut room), has_keys)) => {
            let reserved = if load.is_crowded() {
                // Few requests wait, and all would have to make room for it.
                Box::pin(load.reserve(server.dispatcher.limits.max_response_bytes)).await
            } else {
                None
            };
            let mut answer = server.dispatcher.dispatch(&body, &context, has_keys, load, reserved).await;
            if let Some(taken) = answer.room.take() {
                room = taken;
            }
            if let AnswerStatus::Batch { .. } = answer.status {
                // Its answers were counted one by one, and what is given of them has room.
                room.fit_up_to(answer.body.len());
            } else if let Err(full) = room.fit(answer.body.len()) {
                server.dispatcher.withhold(&mut answer, &body, full);
                room.fit_up_to(answer.body.len());
            }
            drop(body);
            respond_with(answer, room)
        }
        Err(early) => {
            early.count(server.dispatcher.observer.meter());
            respond(*early.0, load)
        }
    }
}

/// Answers a request that brings no calls.
async fn turn_away(
    server: &Inner,
    TurnedAway { with, head }: TurnedAway,
    load: &Arc<ConnectionLoad>,
) -> Response<AnswerBody> {
    let shown = match with {
        Turned::Page(page) => pages::show(page.await, load),
        Turned::Guarded(page) => page.show(server, load).await,
        Turned::Answer(refusal) => Err(refusal),
        // Boxed, so that the future that answers a request has no room for it.
        Turned::Question(context) => {
            let told = Box::pin(server.dispatcher.announce_with_scope(&context)).await;
            Ok(respond_for_dispatcher(server, told, load))
        }
    };
    let response = shown.unwrap_or_else(|refusal| {
        refusal.count(server.dispatcher.observer.meter());
        respond(*refusal.0, load)
    });
    if head { without_body(response) } else { response }
}

/// Makes a response of what the dispatcher says to a request that brings no calls. It has counted what it has shed.
fn respond_for_dispatcher(server: &Inner, answer: Written, load: &Arc<ConnectionLoad>) -> Response<AnswerBody> {
    if let AnswerStatus::Refused(_, status) = answer.status {
        server.dispatcher.observer.meter().refused(status);
    }
    respond(answer, load)
}

/// Leaves only the head of a response, which says how long the body is. hyper does not see to that over HTTP/2.
fn without_body(mut response: Response<AnswerBody>) -> Response<AnswerBody> {
    if let Some(length) = response.body().size_hint().exact() {
        response.headers_mut().insert(CONTENT_LENGTH, length.into());
    }
    response.map(|_| AnswerBody::new(Bytes::new()))
}

/// What the head of a request says of its calls.
struct Head {
    /// Whether they may have idempotency keys.
    has_keys: bool,
    /// How much time their caller gives.
    timeout: Option<Duration>,
    /// Whether there are no calls, but the question to whom keys belong.
    asks_scope: bool,
}

/// Checks the head of a request.
fn check(server: &Inner, parts: &Parts, connection: Connection) -> Result<Head, EarlyAnswer> {
    if parts.headers.len() > server.dispatcher.limits.max_headers {
        return Err(EarlyAnswer::large_head(&server.dispatcher.limits));
    }
    if parts.method == Method::HEAD {
        return head(server, parts, connection);
    }
    if parts.method != Method::POST {
        return Err(EarlyAnswer::method());
    }
    // One walk over the few headers that there are costs less than to look some of them up.
    let (mut typed, mut json, mut encoded) = (false, true, false);
    let (mut has_keys, mut timeout) = (false, None);
    for (name, value) in &parts.headers {
        if *name == CONTENT_TYPE {
            typed = true;
            json &= is_json(value);
        } else if *name == CONTENT_ENCODING {
            encoded |= value != "identity";
        } else if *name == ORIGIN && !origin::is_allowed(value, &server.http.origins, connection.loopback) {
            return Err(EarlyAnswer::origin());
        } else if *name == RPC_IDEMPOTENCY || *name == IDEMPOTENCY_KEY {
            has_keys = true;
        } else if *name == RPC_TIMEOUT_MS && timeout.is_none() {
            timeout = Some(timeout_of(value));
        }
    }
    if !(typed && json) {
        return Err(EarlyAnswer::media_type("content type must be application/json or application/json-rpc"));
    }
    if encoded {
        return Err(EarlyAnswer::media_type("content encodings are not supported"));
    }
    Ok(Head { has_keys, timeout: timeout.flatten(), asks_scope: false })
}

/// Answers a client that asks what there is before it sends calls.
fn head(server: &Inner, parts: &Parts, connection: Connection) -> Result<Head, EarlyAnswer> {
    let mut origins = parts.headers.get_all(ORIGIN).iter();
    if !origins.all(|origin| origin::is_allowed(origin, &server.http.origins, connection.loopback)) {
        Err(EarlyAnswer::origin())
    } else if idempotency::asks_scope(&parts.headers) {
        Ok(Head { has_keys: false, timeout: headers::timeout(&parts.headers), asks_scope: true })
    } else {
        Err(EarlyAnswer(Box::new(server.dispatcher.announce())))
    }
}

/// Tells whether this is one of JSON-RPC's media types, whatever its parameters.
///
/// Another type would be what a web page can send anywhere without asking first.
fn is_json(value: &HeaderValue) -> bool {
    let media_type = value.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    media_type.eq_ignore_ascii_case(b"application/json") || media_type.eq_ignore_ascii_case(b"application/json-rpc")
}

fn respond(answer: Written, load: &Arc<ConnectionLoad>) -> Response<AnswerBody> {
    let mut room = Room::new(load);
    room.fit_up_to(answer.body.len());
    respond_with(answer, room)
}

fn respond_with(answer: Written, room: Room) -> Response<AnswerBody> {
    let (status, fared) = match answer.status {
        AnswerStatus::Success => (StatusCode::OK, HeaderValue::from_static("0")),
        AnswerStatus::Error(code) => (StatusCode::OK, code.get().into()),
        AnswerStatus::Batch { failures } => (StatusCode::OK, failures.into()),
        AnswerStatus::Refused(code, status) => (status, code.get().into()),
        // What is added to the enum has to find its place here.
        _ => (StatusCode::INTERNAL_SERVER_ERROR, ErrorCode::INTERNAL_ERROR.get().into()),
    };
    let empty = answer.body.is_empty();
    let mut response = Response::new(AnswerBody::counted(answer.body, room));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(RPC_STATUS, fared);
    if !empty {
        headers.insert(CONTENT_TYPE, APPLICATION_JSON);
    }
    if let Some(more) = answer.headers {
        headers.extend(*more);
    }
    response
}
