//! Pipes in memory, and the peer at their other end.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::ACCEPT;
use http::{HeaderMap, HeaderName, HeaderValue};
use rpc_core::{BoxFuture, SessionProtocol};
use tokio::sync::mpsc;

use super::super::{ConnectRefusal, MessagePipe, Multiplexed, MultiplexedLimits, OpenPipe, PipeConnector, PipeEnd};
use crate::Failure;
use crate::meter::Meter;
use crate::transport::{ProbePurpose, Progress, Reply, ReplyBody, Request, ServerAddress};

/// A connection as its peer sees it.
pub(super) struct Peer {
    written: mpsc::UnboundedReceiver<Bytes>,
    messages: mpsc::UnboundedSender<Result<Bytes, PipeEnd>>,
    room: Arc<Room>,
    pub(super) headers: HeaderMap,
}

impl Peer {
    /// Returns the next message of the client.
    pub(super) async fn read(&mut self) -> String {
        let message = self.written.recv().await.expect("the client has not closed the connection");
        String::from_utf8(message.into()).unwrap()
    }

    /// Returns whether the client closes the connection without another message.
    pub(super) async fn is_closed(&mut self) -> bool {
        self.written.recv().await.is_none()
    }

    /// Returns whether the client has written nothing more.
    pub(super) fn is_silent(&mut self) -> bool {
        self.written.try_recv().is_err()
    }

    pub(super) fn write(&self, message: impl Into<String>) {
        self.messages.send(Ok(Bytes::from(message.into()))).expect("the connection is open");
    }

    /// Ends the connection.
    pub(super) fn end(&self, end: PipeEnd) {
        self.messages.send(Err(end)).expect("the connection is open");
    }

    /// Reads from now on, or stops reading.
    pub(super) fn has_room(&self, has_room: bool) {
        let mut room = self.room.0.lock().unwrap();
        room.0 = has_room;
        if let Some(waker) = room.1.take() {
            waker.wake();
        }
    }
}

/// Whether the peer reads, and the task that waits for it.
struct Room(Mutex<(bool, Option<Waker>)>);

struct FakePipe {
    written: mpsc::UnboundedSender<Bytes>,
    messages: mpsc::UnboundedReceiver<Result<Bytes, PipeEnd>>,
    room: Arc<Room>,
}

impl MessagePipe for FakePipe {
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), PipeEnd>> {
        let mut room = self.room.0.lock().unwrap();
        if room.0 {
            return Poll::Ready(Ok(()));
        }
        room.1 = Some(cx.waker().clone());
        Poll::Pending
    }

    fn send(&mut self, message: Bytes) -> Result<(), PipeEnd> {
        self.written.send(message).map_err(PipeEnd::failed)
    }

    fn poll_flush(&mut self, _: &mut Context<'_>) -> Poll<Result<(), PipeEnd>> {
        Poll::Ready(Ok(()))
    }

    fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Result<Bytes, PipeEnd>> {
        self.messages.poll_recv(cx).map(|message| message.unwrap_or(Err(PipeEnd::Closed(None))))
    }

    fn poll_close(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

/// Opens pipes, each of which is handed to the test.
struct FakeConnector {
    protocol: SessionProtocol,
    peers: mpsc::UnboundedSender<Peer>,
    /// What the next attempts come to, if they fail.
    refusals: Arc<Mutex<Vec<ConnectRefusal>>>,
    ends_at_once: Arc<AtomicBool>,
}

impl PipeConnector for FakeConnector {
    fn connect(&self, headers: HeaderMap) -> BoxFuture<Result<OpenPipe, ConnectRefusal>> {
        if let Some(refusal) = self.refusals.lock().unwrap().pop() {
            return Box::pin(async { Err(refusal) });
        }
        let (written, of_client) = mpsc::unbounded_channel();
        let (messages, of_peer) = mpsc::unbounded_channel();
        let room = Arc::new(Room(Mutex::new((true, None))));
        let peer = Peer { written: of_client, messages, room: Arc::clone(&room), headers };
        if self.ends_at_once.load(Ordering::Relaxed) {
            peer.end(PipeEnd::Closed(None));
        }
        self.peers.send(peer).expect("the test runs");
        let pipe = Box::new(FakePipe { written, messages: of_peer, room });
        let open = OpenPipe { pipe, protocol: self.protocol };
        Box::pin(async { Ok(open) })
    }

    fn server_address(&self) -> Option<ServerAddress> {
        Some(ServerAddress::new("fake", 1))
    }
}

/// A transport, and the connections that it opens.
pub(super) struct Fake {
    pub(super) transport: Multiplexed,
    peers: mpsc::UnboundedReceiver<Peer>,
    pub(super) refusals: Arc<Mutex<Vec<ConnectRefusal>>>,
    ends_at_once: Arc<AtomicBool>,
}

impl Fake {
    pub(super) fn new(protocol: SessionProtocol) -> Self {
        Self::with_headers(protocol, &HeaderMap::new())
    }

    pub(super) fn with_headers(protocol: SessionProtocol, own: &HeaderMap) -> Self {
        let (peers, opened) = mpsc::unbounded_channel();
        let (refusals, ends_at_once) = (Arc::default(), Arc::default());
        let connector =
            FakeConnector { protocol, peers, refusals: Arc::clone(&refusals), ends_at_once: Arc::clone(&ends_at_once) };
        let limits = MultiplexedLimits { max_requests: 256, max_connections: 32 };
        Self { transport: Multiplexed::new(connector, own, limits), peers: opened, refusals, ends_at_once }
    }

    /// Ends each connection as soon as it is open.
    pub(super) fn ends_at_once(&self) {
        self.ends_at_once.store(true, Ordering::Relaxed);
    }

    /// Waits for the next connection.
    pub(super) async fn peer(&mut self) -> Peer {
        self.peers.recv().await.expect("the transport lives")
    }

    /// Returns whether no further connection was opened.
    pub(super) fn has_no_further_peer(&mut self) -> bool {
        self.peers.try_recv().is_err()
    }

    /// Sends a request in a task.
    pub(super) fn send(&self, request: Request) -> tokio::task::JoinHandle<Result<Reply, Failure>> {
        tokio::spawn(self.transport.send(request))
    }
}

/// Makes a request.
pub(super) fn request(body: &str) -> Request {
    Request {
        body: Bytes::from(body.to_owned()),
        headers: HeaderMap::new(),
        deadline: Instant::now() + Duration::from_secs(30),
        progress: Progress::default(),
        meter: Meter::default(),
        transport: None,
        subscription: None,
        purpose: ProbePurpose::Announcement,
    }
}

/// Makes the request of a call without params.
pub(super) fn call(id: u64) -> Request {
    request(&format!(r#"{{"jsonrpc":"2.0","method":"a","id":{id}}}"#))
}

/// Makes the request of a call that accepts a stream.
pub(super) fn stream_call(id: u64) -> Request {
    with_header(call(id), "accept", "text/event-stream, application/json")
}

pub(super) fn with_header(mut request: Request, name: &'static str, value: &'static str) -> Request {
    let name = if name == "accept" { ACCEPT } else { HeaderName::from_static(name) };
    request.headers.insert(name, HeaderValue::from_static(value));
    request
}

/// Makes the text of an answer.
pub(super) fn answer(id: u64, result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","result":{result},"id":{id}}}"#)
}

/// Returns the text of a reply's body.
pub(super) async fn text(reply: Reply) -> String {
    let (body, is_whole) = reply.body.read(usize::MAX).await.unwrap();
    assert!(is_whole);
    String::from_utf8(body.into()).unwrap()
}

/// Returns the next message of a stream.
pub(super) async fn next(stream: &mut ReplyBody) -> Option<Result<Bytes, Failure>> {
    poll_fn(|cx| stream.poll_part(cx)).await
}

/// Lets all other tasks run until they wait.
pub(super) async fn settle() {
    for _ in 0..32 {
        tokio::task::yield_now().await;
    }
}

/// Returns the output of a future that is ready.
pub(super) fn now<F: Future>(future: F) -> Option<F::Output> {
    future.now_or_never()
}
