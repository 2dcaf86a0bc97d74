//! [`ConnectionPool`]: the connections to one server. It opens them lazily, and again when they have ended.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
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

/// The most connections to a server. Most clients have one. More are needed for other credentials, and for a call whose
/// id is still in use.
const MAX_CONNECTIONS: usize = 32;

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
    places: Mutex<Vec<Place>>,
    /// What answers the server's calls.
    serves: OnceLock<Arc<dyn Dispatch>>,
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
    Opening(Opening),
}

type Opening = Shared<BoxFuture<'static, Result<Arc<Connection>, ConnectRefusal>>>;

impl ConnectionPool {
    /// Makes a pool without connections. `own` are the headers of all requests of the client.
    pub(super) fn new(connector: Arc<dyn PipeConnector>, own: &HeaderMap) -> Self {
        Self { connector, own: own.clone(), places: Mutex::default(), serves: OnceLock::new() }
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
            let opened = opening.clone().await;
            self.settle(&opening, &opened);
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
        let mut places = self.lock();
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
                Link::Opening(under_way) => opening = Some(under_way.clone()),
            }
        }
        if let Some(opening) = opening {
            return Ok(Found::Opening(opening));
        }
        make_room(&mut places, if self.serves.get().is_some() { Duration::MAX } else { KEEP })?;
        let opening = self.open(identity);
        let place = Place { identity: identity.clone(), link: Link::Opening(opening.clone()), used: Instant::now() };
        places.push(place);
        Ok(Found::Opening(opening))
    }

    /// Opens a connection in a task of its own, which goes on when the waiting requests are gone.
    fn open(&self, identity: &HeaderMap) -> Opening {
        let headers = identity.clone();
        let connect = self.connector.connect(headers.clone());
        let dispatch = self.serves.get().cloned();
        let opening = spawn(async move {
            let OpenPipe { pipe, protocol } = connect.await?;
            let state = Arc::new(SharedState::new(protocol, CallNumbers::starting_at(FIRST_PEER_CALL)));
            let serving = dispatch.map(|dispatch| Serving::open(&*dispatch, &state, protocol)).transpose()?;
            spawn(drive(pipe, Arc::clone(&state), serving));
            Ok(Arc::new(Connection::opened(state, protocol, headers)))
        });
        let opening = opening.map(|opened| opened.unwrap_or_else(|error| Err(Failure::connect(error).into())));
        opening.boxed().shared()
    }

    /// Keeps a connection that was opened, or forgets the attempt.
    fn settle(&self, opening: &Opening, opened: &Result<Arc<Connection>, ConnectRefusal>) {
        let mut places = self.lock();
        let place = |place: &Place| matches!(&place.link, Link::Opening(known) if known.ptr_eq(opening));
        let Some(index) = places.iter().position(place) else { return };
        match opened {
            Ok(connection) => places[index].link = Link::Open(Arc::clone(connection)),
            Err(_) => drop(places.swap_remove(index)),
        }
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

    fn lock(&self) -> MutexGuard<'_, Vec<Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn connector(&self) -> &dyn PipeConnector {
        &*self.connector
    }
}

enum Found<T> {
    Begun(T),
    Opening(Opening),
}

impl Place {
    /// Returns whether a request can still use it.
    fn is_useful(&self) -> bool {
        match &self.link {
            Link::Open(connection) => !connection.is_retired(),
            // All who have waited for it may be gone.
            Link::Opening(opening) => !matches!(opening.peek(), Some(Err(_))),
        }
    }

    fn is_idle(&self) -> bool {
        matches!(&self.link, Link::Open(connection) if connection.is_idle())
    }
}

/// Closes connections that were not used for this long, before another one is opened.
fn make_room(places: &mut Vec<Place>, keep: Duration) -> Result<(), ConnectRefusal> {
    places.retain(|place| !place.is_idle() || place.used.elapsed() < keep);
    if places.len() < MAX_CONNECTIONS {
        return Ok(());
    }
    let idle = (0..places.len()).filter(|index| places[*index].is_idle());
    let Some(oldest) = idle.min_by_key(|index| places[*index].used) else {
        let why = format!("the client has {MAX_CONNECTIONS} connections to the server, and all are in use");
        return Err(Failure::not_sent(why).into());
    };
    places.swap_remove(oldest);
    Ok(())
}
