//! [`Multiplexed`]: a transport on connections that carry whole messages both ways, such as WebSocket. Requests share a
//! connection, and their answers are found by id. Streams are messages of the same connection.
//!
//! From the bottom up: `pipe` is what carries messages, and `connector` opens it. `incoming` reads messages, `control`
//! and `subscribe` write them, and `message_headers` has the headers in them. `state` has the requests of a connection,
//! and `shared` its lock. `stream_buffer` and `early_items` have those messages of streams that were not read.
//! `serving` answers the calls of the server. `driver` is the task of a connection, `connection` its handle, and `pool`
//! has all connections to a server. `identify` finds what a request waits for, and `announce` asks for the server's
//! store. `peer` is the connection of a session of the server, for calls to its peer.

mod announce;
mod connection;
mod connector;
mod control;
mod driver;
mod early_items;
mod identify;
mod incoming;
mod message_headers;
mod peer;
mod pipe;
mod pool;
mod serving;
mod shared;
mod state;
mod stream_buffer;
mod subscribe;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::HeaderMap;
use rpc_core::{BoxFuture, Dispatch, SessionProtocol};
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};

use self::announce::{announce_call, announced};
use self::connection::{Connection, IdentifiedRequest, Received, WaitingRequest};
pub(super) use self::connector::{ConnectRefusal, OpenPipe, PipeConnector, RefusedUpgrade};
use self::identify::identify;
pub(super) use self::peer::PeerConnection;
pub(super) use self::pipe::{MessagePipe, PipeEnd};
use self::pool::ConnectionPool;
use super::{ProbePurpose, Reply, Request, ServerAddress};
use crate::failure::{Failure, FailureKind, HttpError};
use crate::meter::RequestGauge;

/// Sends requests over connections that they share.
#[derive(Clone)]
pub(super) struct Multiplexed {
    pool: Arc<ConnectionPool>,
    /// Limits the requests that wait for an answer.
    room: Arc<Semaphore>,
}

/// The limits of a transport on shared connections.
#[derive(Clone, Copy, Debug)]
pub(super) struct MultiplexedLimits {
    /// The most requests that wait for answers at a time.
    pub(super) max_requests: usize,
    /// The most connections at a time.
    pub(super) max_connections: usize,
}

impl Multiplexed {
    /// Makes a transport that connects lazily. `own` are the headers of all requests of the client.
    pub(super) fn new(connector: impl PipeConnector, own: &HeaderMap, limits: MultiplexedLimits) -> Self {
        let room = Arc::new(Semaphore::new(limits.max_requests.clamp(1, Semaphore::MAX_PERMITS)));
        Self { pool: Arc::new(ConnectionPool::new(Arc::new(connector), own, limits.max_connections)), room }
    }

    pub(super) fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        // Until a connection takes the message, no server can have it.
        request.progress.hold();
        let this = self.clone();
        Box::pin(async move {
            // The first poll marks the request as held back, if it has to wait.
            let permit = this.wait_for_room(&request).await?;
            let identified = identify(request)?;
            let begin = |connection: &Arc<Connection>| connection.begin(&identified);
            let waiting = match this.pool.begin(&identified.request.headers, begin).await {
                Ok(waiting) => waiting,
                Err(ConnectRefusal::Failed(failure)) => return Err(failure),
                Err(ConnectRefusal::Refused(refused)) => return Ok(reply_of(*refused)),
            };
            let received = waiting.receive().await?;
            drop(permit);
            Ok(received.into_reply())
        })
    }

    /// Connects, if there is no connection, and asks the server for its announcement, if the probe is for that. Without
    /// `rpc.v1` there is none, and the reply has no headers.
    pub(super) fn probe(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        request.progress.hold();
        let this = self.clone();
        Box::pin(async move {
            if request.purpose == ProbePurpose::Connection {
                let begin = |connection: &Arc<Connection>| (!connection.is_retired()).then_some(());
                this.pool.begin(&request.headers, begin).await.map_err(failure_of)?;
                return Ok(Reply::new(Bytes::new()));
            }
            let _permit = this.wait_for_room(&request).await?;
            let call = announce_call(request);
            match this.pool.begin(&call.request.headers, |connection| ask(connection, &call)).await {
                Ok(Asked::Nobody) => Ok(Reply::new(Bytes::new())),
                Ok(Asked::Server(waiting)) => match waiting.receive().await? {
                    Received::Whole(answer, headers) => announced(&answer, headers),
                    Received::Stream(..) => Err(Failure::protocol("the answer to `rpc.announce` is a stream")),
                },
                Err(refusal) => Err(failure_of(refusal)),
            }
        })
    }

    /// Answers the calls of the server with this. Returns whether it does: the first one counts.
    pub(super) fn serve(&self, dispatch: &Arc<dyn Dispatch>) -> bool {
        self.pool.serve(dispatch)
    }

    pub(super) fn server_address(&self) -> Option<ServerAddress> {
        self.pool.connector().server_address()
    }

    async fn wait_for_room(&self, request: &Request) -> Result<tokio::sync::OwnedSemaphorePermit, Failure> {
        let room = Arc::clone(&self.room);
        if let Ok(permit) = Arc::clone(&room).try_acquire_owned() {
            return Ok(permit);
        }
        let waiting = request.meter.raise(RequestGauge::Waiting);
        request.progress.hold_back();
        let permit = timeout_at(Instant::from_std(request.deadline), room.acquire_owned()).await;
        drop(waiting);
        request.progress.let_go();
        let permit = permit.map_err(|_| Failure::new(FailureKind::Expired))?;
        Ok(permit.expect("the semaphore is never closed"))
    }
}

/// Whether a server was asked for its announcement.
enum Asked {
    Server(WaitingRequest),
    /// The connection does not speak `rpc.v1`.
    Nobody,
}

/// Asks on this connection. Returns `None` if the connection takes no requests.
fn ask(connection: &Arc<Connection>, call: &IdentifiedRequest) -> Option<Asked> {
    match connection.protocol() {
        SessionProtocol::RpcV1 => connection.begin(call).map(Asked::Server),
        _ => (!connection.is_retired()).then_some(Asked::Nobody),
    }
}

/// Makes the failure of a probe for which no connection was opened.
fn failure_of(refusal: ConnectRefusal) -> Failure {
    match refusal {
        ConnectRefusal::Failed(failure) => failure,
        ConnectRefusal::Refused(refused) => {
            let RefusedUpgrade { status, headers, .. } = *refused;
            Failure::new(FailureKind::Status(HttpError { status, headers, error: None, answer: None }))
        }
    }
}

/// Makes the reply of a server that refused the connection. Since its request is not sent, the client knows that it did
/// not run.
fn reply_of(refused: RefusedUpgrade) -> Reply {
    let RefusedUpgrade { status, headers, body } = refused;
    Reply { status: Some(status), headers, ..Reply::new(body) }
}

impl fmt::Debug for Multiplexed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Multiplexed").field("server", &self.server_address()).finish_non_exhaustive()
    }
}
