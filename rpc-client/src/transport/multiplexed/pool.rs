//! [`ConnectionPool`]: the connections to one server. It opens them lazily, and again when they have ended.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName};
use rpc_core::Dispatch;
use rpc_core::headers::IDEMPOTENCY_KEY;

use super::connection::Connection;
use super::connector::{ConnectRefusal, OpenPipe, PipeConnector};
use super::driver::drive;
use super::message_headers::travels;
use super::serving::Serving;
use super::shared::SharedState;
use crate::call_numbers::CallNumbers;
use crate::failure::Failure;
use crate::runtime::{Instant, spawn};

/// For how many connections a request waits. A server may end each of them at once.
const MAX_OPENINGS: usize = 3;

/// How long a connection is kept that others have replaced. One over which the client serves is kept longer, since the
/// server may call at any time.
const KEEP: Duration = Duration::from_secs(60);

/// The first number of calls that handlers of the client make over a connection. The calls of the client itself do not
/// get this far, so their ids differ.
const FIRST_PEER_CALL: u64 = 1 << 32;

/// The connections to one server.
pub(super) struct ConnectionPool {
    connector: Arc<dyn PipeConnector>,
    /// The headers that all requests of the client have. They belong to the connection, though they could travel.
    own: HeaderMap,
    /// The most connections at a time. Most clients have one. More are needed for other credentials, and for a call
    /// whose id is still in use.
    max_connections: usize,
    places: Arc<Places>,
    /// What answers the server's calls.
    serves: OnceLock<Arc<dyn Dispatch>>,
}

/// The places of connections, which the tasks that open them share.
#[derive(Default)]
struct Places(Mutex<Vec<Place>>);

impl Places {
    fn with<T>(&self, change: impl FnOnce(&mut Vec<Place>) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A connection that is open, or that is being opened.
struct Place {
    /// The headers that do not travel with messages. Only requests with the same ones share the connection.
    identity: HeaderMap,
    link: Link,
    used: Instant,
}

enum Link {
    Open(Arc<Connection>),
    /// Not open yet. The task that opens it finds its place by the token.
    Opening(Opening, Arc<()>),
}

type Opening = Shared<BoxFuture<'static, Result<Arc<Connection>, ConnectRefusal>>>;

impl ConnectionPool {
    /// Makes a pool without connections. `own` are the headers of all requests of the client.
    pub(super) fn new(connector: Arc<dyn PipeConnector>, own: &HeaderMap, max_connections: usize) -> Self {
        let (own, max_connections) = (own.clone(), max_connections.max(1));
        Self { connector, own, max_connections, places: Arc::default(), serves: OnceLock::new() }
    }

    /// Answers the calls of the server with this, on connections that are opened from now on. Returns whether it does:
    /// the first one counts.
    pub(super) fn serve(&self, dispatch: &Arc<dyn Dispatch>) -> bool {
        Arc::ptr_eq(self.serves.get_or_init(|| Arc::clone(dispatch)), dispatch)
    }

    /// Uses a connection for a request with these headers. `begin` is called with each connection that may take it,
    /// until one does.
    ///
    /// All requests that wait share one attempt to connect.
    pub(super) async fn begin<T>(
        &self,
        headers: &HeaderMap,
        mut begin: impl FnMut(&Arc<Connection>) -> Option<T>,
    ) -> Result<T, ConnectRefusal> {
        let identity = self.identity(headers);
        for _ in 0..MAX_OPENINGS {
            let opening = match self.find(&identity, &mut begin)? {
                Found::Begun(begun) => return Ok(begun),
                Found::Opening(opening) => opening,
            };
            let opened = opening.await;
            if let Some(begun) = begin(&opened?) {
                return Ok(begun);
            }
        }
        Err(Failure::not_sent("the server has accepted connections and ended them at once").into())
    }

    fn find<T>(
        &self,
        identity: &HeaderMap,
        begin: &mut impl FnMut(&Arc<Connection>) -> Option<T>,
    ) -> Result<Found<T>, ConnectRefusal> {
        self.places.with(|places| self.find_in(places, identity, begin))
    }

    fn find_in<T>(
        &self,
        places: &mut Vec<Place>,
        identity: &HeaderMap,
        begin: &mut impl FnMut(&Arc<Connection>) -> Option<T>,
    ) -> Result<Found<T>, ConnectRefusal> {
        places.retain(Place::is_useful);
        let mut opening = None;
        for place in places.iter_mut().filter(|place| place.identity == *identity) {
            match &place.link {
                Link::Open(connection) => {
                    if let Some(begun) = begin(connection) {
                        place.used = Instant::now();
                        return Ok(Found::Begun(begun));
                    }
                }
                Link::Opening(under_way, _) => opening = Some(under_way.clone()),
            }
        }
        if let Some(opening) = opening {
            return Ok(Found::Opening(opening));
        }
        let keep = if self.serves.get().is_some() { Duration::MAX } else { KEEP };
        make_room(places, self.max_connections, keep)?;
        let token = Arc::new(());
        let settling = SettlingPlace { places: Arc::downgrade(&self.places), token: Arc::clone(&token) };
        let opening = self.open(identity, settling);
        let link = Link::Opening(opening.clone(), token);
        places.push(Place { identity: identity.clone(), link, used: Instant::now() });
        Ok(Found::Opening(opening))
    }

    /// Opens a connection in a task of its own, which goes on when the waiting requests are gone. The task starts when
    /// the first request waits, which is outside of the lock: a runtime that stops drops the task at once.
    fn open(&self, identity: &HeaderMap, settling: SettlingPlace) -> Opening {
        let headers = identity.clone();
        let connect = self.connector.connect(headers.clone());
        let dispatch = self.serves.get().cloned();
        let task = async move {
            let OpenPipe { pipe, protocol } = connect.await?;
            let state = Arc::new(SharedState::new(protocol, CallNumbers::starting_at(FIRST_PEER_CALL)));
            let serving = dispatch.map(|dispatch| Serving::open(&*dispatch, &state, protocol)).transpose()?;
            spawn(drive(pipe, Arc::clone(&state), serving));
            let connection = Arc::new(Connection::opened(state, protocol, headers));
            settling.opened(&connection);
            Ok(connection)
        };
        let opening = async move { spawn(task).await.unwrap_or_else(|error| Err(Failure::connect(error).into())) };
        opening.boxed().shared()
    }

    /// Returns the headers that belong to the connection. Those that describe the body of a request do not.
    ///
    /// A server refuses a message with another value of an `x-*` header that the connection has. So a request with such
    /// a header needs a connection of its own.
    fn identity(&self, headers: &HeaderMap) -> HeaderMap {
        let of_body = [ACCEPT, ACCEPT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE];
        let is_own = |name: &HeaderName| {
            self.own.contains_key(name) && *name != IDEMPOTENCY_KEY && !name.as_str().starts_with("rpc-")
        };
        let mut identity = HeaderMap::new();
        for (name, value) in headers {
            if (is_own(name) || !travels((name, value))) && !of_body.contains(name) {
                identity.append(name, value.clone());
            }
        }
        identity
    }

    pub(super) fn connector(&self) -> &dyn PipeConnector {
        &*self.connector
    }
}

enum Found<T> {
    Begun(T),
    Opening(Opening),
}

/// A place whose connection is being opened. The task that opens the connection settles it, since all requests that
/// wait may have left.
struct SettlingPlace {
    places: Weak<Places>,
    token: Arc<()>,
}

impl SettlingPlace {
    /// Keeps the connection that was opened.
    fn opened(&self, connection: &Arc<Connection>) {
        self.settle(|places, index| places[index].link = Link::Open(Arc::clone(connection)));
    }

    fn settle(&self, settle: impl FnOnce(&mut Vec<Place>, usize)) {
        // Without a pool, the requests that still wait hold the connection.
        let Some(places) = self.places.upgrade() else { return };
        places.with(|places| {
            let is_own =
                |place: &Place| matches!(&place.link, Link::Opening(_, token) if Arc::ptr_eq(token, &self.token));
            if let Some(index) = places.iter().position(is_own) {
                settle(places, index);
            }
        });
    }
}

/// Forgets the attempt if it has failed, also when its runtime stops.
impl Drop for SettlingPlace {
    fn drop(&mut self) {
        self.settle(|places, index| drop(places.swap_remove(index)));
    }
}

impl Place {
    /// Returns whether a request can still use it.
    fn is_useful(&self) -> bool {
        match &self.link {
            Link::Open(connection) => !connection.is_retired(),
            // The task that opens it removes it if that fails.
            Link::Opening(..) => true,
        }
    }

    fn is_idle(&self) -> bool {
        matches!(&self.link, Link::Open(connection) if connection.is_idle())
    }
}

/// Closes connections that were not used for this long, before another one is opened.
fn make_room(places: &mut Vec<Place>, max_connections: usize, keep: Duration) -> Result<(), ConnectRefusal> {
    places.retain(|place| !place.is_idle() || place.used.elapsed() < keep);
    if places.len() < max_connections {
        return Ok(());
    }
    let idle = (0..places.len()).filter(|index| places[*index].is_idle());
    let Some(oldest) = idle.min_by_key(|index| places[*index].used) else {
        let why = format!("the client has {max_connections} connections to the server, and all are in use");
        return Err(Failure::not_sent(why).into());
    };
    places.swap_remove(oldest);
    Ok(())
}
