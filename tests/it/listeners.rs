//! A server on listeners other than TCP.

use std::future::pending;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rpc::tls::Tls;
use rpc::{Client, Context, Limits, Listener, Server, ServerBuilder, ServerHandle};
use rustls::pki_types::ServerName;
use support::raw_http::{Connection, TEST_TIMEOUT, post, post_with};
use support::{PING, PONG};
use tokio::io::{DuplexStream, duplex};
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::tls::Authority;

/// What the listener of a test accepts next.
enum Next {
    Stream(DuplexStream),
    Error(io::ErrorKind),
    Panic,
}

/// A listener that accepts what a test sends.
struct InMemory {
    next: mpsc::UnboundedReceiver<Next>,
    peer: Option<SocketAddr>,
    asked: Arc<AtomicUsize>,
}

impl Listener for InMemory {
    type Io = DuplexStream;
    type Addr = Option<SocketAddr>;

    async fn accept(&mut self) -> io::Result<(DuplexStream, Option<SocketAddr>)> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        match self.next.recv().await {
            Some(Next::Stream(stream)) => Ok((stream, self.peer)),
            Some(Next::Error(kind)) => Err(kind.into()),
            Some(Next::Panic) => panic!("in a listener"),
            None => pending().await,
        }
    }

    fn local_addr(&self) -> io::Result<Option<SocketAddr>> {
        Ok(None)
    }

    fn socket_addr(addr: &Option<SocketAddr>) -> Option<SocketAddr> {
        *addr
    }
}

pub(crate) struct Served {
    pub(crate) handle: ServerHandle,
    next: mpsc::UnboundedSender<Next>,
    asked: Arc<AtomicUsize>,
}

impl Served {
    pub(crate) fn new(server: &Server, peer: Option<SocketAddr>) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let asked = Arc::new(AtomicUsize::new(0));
        let listener = InMemory { next: receiver, peer, asked: Arc::clone(&asked) };
        Self { handle: server.on(listener).unwrap().spawn(), next: sender, asked }
    }

    fn send(&self, next: Next) {
        assert!(self.next.send(next).is_ok(), "the server holds its listener");
    }

    pub(crate) fn stream(&self) -> DuplexStream {
        let (ours, theirs) = duplex(64 << 10);
        self.send(Next::Stream(theirs));
        ours
    }

    pub(crate) fn connect(&self) -> Connection<DuplexStream> {
        Connection::over(self.stream())
    }
}

fn builder() -> ServerBuilder {
    Server::builder().method("ping", || async { "pong" }).method("peer", |cx: Context| async move { cx.peer_addr() })
}

#[cfg(unix)]
struct Socket(std::path::PathBuf);

#[cfg(unix)]
impl Socket {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("rpc-{name}-{}.sock", std::process::id())))
    }

    fn listen(&self) -> tokio::net::UnixListener {
        tokio::net::UnixListener::bind(&self.0).unwrap()
    }

    async fn connect(&self) -> Connection<tokio::net::UnixStream> {
        Connection::over(tokio::net::UnixStream::connect(&self.0).await.unwrap())
    }
}

#[cfg(unix)]
impl Drop for Socket {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_serves_calls_and_has_no_socket_address() {
    let socket = Socket::new("calls");
    let server = builder().build().on(socket.listen()).unwrap();
    assert_eq!(server.socket_addr(), None);
    let server = server.spawn();
    assert_eq!(server.socket_addr(), None);
    let mut connection = socket.connect().await;
    for _ in 0..2 {
        connection.send(&post(PING)).await;
        assert_eq!(connection.reply().await.text(), PONG);
    }
    connection.send(&post(r#"{"jsonrpc":"2.0","method":"peer","id":1}"#)).await;
    assert_eq!(connection.reply().await.text(), r#"{"jsonrpc":"2.0","result":null,"id":1}"#);
    server.shutdown().await;
    assert_eq!(connection.rest().await, b"");
    assert!(tokio::net::UnixStream::connect(&socket.0).await.is_err());
}

#[cfg(unix)]
#[tokio::test]
async fn connections_that_queue_at_a_unix_socket_are_answered_before_it_ends() {
    let socket = Socket::new("queue");
    let bound = builder().build().on(socket.listen()).unwrap();
    let mut connection = socket.connect().await;
    connection.send(&post(PING)).await;
    bound.serve_until(std::future::ready(())).await;
    assert_eq!(connection.reply().await.text(), PONG);
}

#[cfg(unix)]
#[tokio::test]
async fn a_unix_socket_is_not_loopback_since_a_proxy_may_stand_before_it() {
    let socket = Socket::new("origins");
    let server = builder().build().on(socket.listen()).unwrap().spawn();
    let mut connection = socket.connect().await;
    connection.send(&post_with(&[("origin", "http://localhost")], PING)).await;
    assert_eq!(connection.reply().await.status, 403);
    server.shutdown().await;
}

#[tokio::test]
#[should_panic(expected = "no socket address")]
async fn a_server_without_a_socket_address_says_so_when_it_is_asked_for_it() {
    Served::new(&builder().build(), None).handle.local_addr();
}

#[tokio::test]
async fn a_listener_of_tcp_is_served_as_one_that_the_server_has_bound() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    let server = builder().build().on(listener).unwrap().spawn();
    assert_eq!((server.local_addr(), server.socket_addr()), (addr, Some(addr)));
    let client = Client::new(format!("http://{addr}")).unwrap();
    let peer: Option<SocketAddr> = client.call("peer", ()).await.unwrap();
    assert_eq!(peer.unwrap().ip(), addr.ip());
    let mut connection = Connection::open(addr).await;
    connection.send(&post_with(&[("origin", "http://localhost")], PING)).await;
    assert_eq!(connection.reply().await.status, 200);
    server.shutdown().await;
}

#[tokio::test]
async fn the_address_that_a_listener_tells_of_a_peer_is_what_handlers_see() {
    let served = Served::new(&builder().build(), Some("192.0.2.7:1234".parse().unwrap()));
    let mut connection = served.connect();
    connection.send(&post(r#"{"jsonrpc":"2.0","method":"peer","id":1}"#)).await;
    assert_eq!(connection.reply().await.text(), r#"{"jsonrpc":"2.0","result":"192.0.2.7:1234","id":1}"#);
}

#[tokio::test]
async fn connections_of_a_listener_drain_with_their_server() {
    let (runs, gate) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let shared = (Arc::clone(&runs), Arc::clone(&gate));
    let wait = move || {
        let (runs, gate) = shared.clone();
        async move {
            runs.notify_one();
            gate.notified().await;
            "done"
        }
    };
    let served = Served::new(&builder().method("wait", wait).build(), None);
    let mut connection = served.connect();
    connection.send(&post(r#"{"jsonrpc":"2.0","method":"wait","id":1}"#)).await;
    runs.notified().await;
    let ended = tokio::spawn(served.handle.shutdown());
    served.next.closed().await;
    assert!(!ended.is_finished());
    gate.notify_one();
    let reply = connection.reply().await;
    assert_eq!(reply.text(), r#"{"jsonrpc":"2.0","result":"done","id":1}"#);
    assert_eq!(reply.header("connection"), Some("close"));
    timeout(TEST_TIMEOUT, ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn connections_that_a_listener_holds_are_answered_before_it_ends() {
    let (sender, receiver) = mpsc::unbounded_channel();
    let listener = InMemory { next: receiver, peer: None, asked: Arc::default() };
    let bound = builder().build().on(listener).unwrap();
    let (ours, theirs) = duplex(64 << 10);
    sender.send(Next::Stream(theirs)).ok().unwrap();
    let mut connection = Connection::over(ours);
    connection.send(&post(PING)).await;
    bound.serve_until(std::future::ready(())).await;
    assert_eq!(connection.reply().await.text(), PONG);
}

#[tokio::test(start_paused = true)]
async fn errors_and_panics_of_a_listener_neither_end_the_server_nor_keep_it_busy() {
    let served = Served::new(&builder().build(), None);
    let start = tokio::time::Instant::now();
    for next in [Next::Error(io::ErrorKind::Other), Next::Panic, Next::Error(io::ErrorKind::ConnectionReset)] {
        served.send(next);
    }
    let mut connection = served.connect();
    connection.send(&post(PING)).await;
    assert_eq!(connection.reply().await.text(), PONG);
    // The server pauses after each error that concerns more than one connection.
    assert!((200..400).contains(&start.elapsed().as_millis()), "{:?}", start.elapsed());
    assert!(served.asked.load(Ordering::Relaxed) < 20);
}

#[tokio::test(start_paused = true)]
async fn connections_without_an_address_share_the_room_of_one_peer() {
    let server = builder().limits(Limits::default().max_connections(1)).build();
    let served = Served::new(&server, None);
    let mut first = served.connect();
    first.send(&post(PING)).await;
    assert_eq!(first.reply().await.text(), PONG);
    let mut second = served.connect();
    second.send(&post(PING)).await;
    // The first connection makes room after one second of idleness, not at once as for another peer.
    let start = tokio::time::Instant::now();
    assert_eq!(second.reply().await.text(), PONG);
    assert!(start.elapsed() >= Duration::from_millis(900), "{:?}", start.elapsed());
    assert_eq!(first.rest().await, b"");
}

#[tokio::test]
async fn connections_of_a_listener_speak_tls_where_the_server_does() {
    let authority = Authority::new();
    let issued = authority.issue(&["localhost"], &[]);
    let tls = Tls::from_pem(issued.certificate.pem(), issued.key.serialize_pem()).unwrap();
    let served = Served::new(&builder().tls(tls).build(), None);
    let connector = TlsConnector::from(Arc::new(authority.client()));
    let name = ServerName::try_from("localhost").unwrap();
    let stream = timeout(TEST_TIMEOUT, connector.connect(name, served.stream())).await.unwrap().unwrap();
    let mut connection = Connection::over(stream);
    connection.send(&post(PING)).await;
    assert_eq!(connection.reply().await.text(), PONG);
    served.handle.shutdown().await;
}
