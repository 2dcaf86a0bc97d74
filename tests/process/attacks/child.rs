//! The servers of the child: one with methods to attack, and one that no attack reaches, which reports the calls that
//! have begun.

use std::net::SocketAddr;
use std::sync::Arc;

use rpc::{Client, Limits, Server};
use serde::de::IgnoredAny;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use support::process::{self, Process};
use support::raw_http::{Connection, TEST_TIMEOUT, post};
use support::{PING, PONG};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;

pub(crate) const LARGE: &str = r#"{"jsonrpc":"2.0","method":"large","id":1}"#;
/// A call that is counted and waits until calls are released, and then has a large answer.
pub(crate) const HOLD_LARGE: &str = r#"{"jsonrpc":"2.0","method":"hold_large","id":1}"#;
/// A call that is counted and waits until calls are released.
pub(crate) const HOLD: &str = r#"{"jsonrpc":"2.0","method":"hold","id":1}"#;
pub(crate) const HELD: &str = r#"{"jsonrpc":"2.0","result":null,"id":1}"#;

/// Observes and releases the calls of `hold`.
#[rpc::service(namespace = "control")]
pub(crate) trait Control {
    /// Returns how many calls have begun.
    #[rpc(readonly)]
    async fn begun(&self) -> u64;

    /// Waits until this many calls have begun.
    #[rpc(readonly)]
    async fn until_begun(&self, calls: u64);

    /// Lets the calls end. Later calls do not wait.
    #[rpc(idempotent)]
    async fn release(&self);
}

#[derive(Clone, Debug, Default)]
struct Gate {
    begun: watch::Sender<u64>,
    open: watch::Sender<bool>,
}

impl Gate {
    fn hold(&self) -> impl Future<Output = ()> + Send + use<> {
        self.begun.send_modify(|begun| *begun += 1);
        let mut open = self.open.subscribe();
        async move {
            open.wait_for(|open| *open).await.unwrap();
        }
    }
}

impl Control for Arc<Gate> {
    async fn begun(&self) -> u64 {
        *self.begun.borrow()
    }

    async fn until_begun(&self, calls: u64) {
        self.begun.subscribe().wait_for(|begun| *begun >= calls).await.unwrap();
    }

    async fn release(&self) {
        self.open.send_replace(true);
    }
}

/// JSON text shared by all answers. An answer has no copy of it until it is written.
#[derive(Clone)]
struct Written(Arc<RawValue>);

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Serves in the child. The limits apply to the attacked server. The method `large` answers with this many bytes.
pub(crate) async fn serve(limits: Limits, answer: usize) {
    if !process::is_child() {
        return;
    }
    let gate = Arc::new(Gate::default());
    // The text is built once, so that attackers do not merely keep the processors busy.
    let answer = Written(Arc::from(RawValue::from_string(format!("\"{}\"", "x".repeat(answer))).unwrap()));
    let control = Server::builder().service(ControlServer::new(Arc::clone(&gate))).build();
    let attacked = Server::builder()
        .limits(limits)
        .method("ping", || async { "pong" })
        // The method does not keep its params, so that only the server's own memory is measured.
        .method("hold", {
            let gate = Arc::clone(&gate);
            move |_: IgnoredAny| gate.hold()
        })
        .method("hold_large", {
            let answer = answer.clone();
            move || {
                let (held, answer) = (gate.hold(), answer.clone());
                async move {
                    held.await;
                    answer
                }
            }
        })
        .method("large", move || std::future::ready(answer.clone()))
        .build();
    process::serve([attacked, control]).await;
}

/// The attacked server, and access to its state.
pub(crate) struct Attacked {
    pub(crate) process: Process<2>,
    pub(crate) addr: SocketAddr,
    pub(crate) control: ControlClient,
}

impl Attacked {
    /// Starts the test `serves` of this module, which calls [`serve`]. `module` is its `module_path!()`.
    pub(crate) async fn start(module: &str) -> Self {
        Self::of(Process::start(module, "serves").await)
    }

    pub(crate) fn of(process: Process<2>) -> Self {
        let [addr, control] = process.addrs;
        let control = ControlClient::new(Client::new(format!("http://{control}")).unwrap());
        Self { process, addr, control }
    }

    /// Opens this many more connections. Their sockets buffer little of what is not forwarded or not read.
    pub(crate) async fn connect(&self, connections: usize) -> Vec<TcpStream> {
        let before = self.process.connections();
        let mut streams = Vec::new();
        while streams.len() < connections {
            let socket = TcpSocket::new_v4().unwrap();
            socket.set_recv_buffer_size(4096).unwrap();
            socket.set_send_buffer_size(32 << 10).unwrap();
            let stream = socket.connect(self.addr).await.unwrap();
            stream.set_nodelay(true).unwrap();
            streams.push(stream);
            // No more than fit into the accept queue at a time. The system would retry the others only after a second.
            if streams.len() % 64 == 0 || streams.len() == connections {
                self.process.until_connections_are(TEST_TIMEOUT, |open| open >= before + streams.len()).await;
            }
        }
        streams
    }
}

/// Makes a call that must be answered.
pub(crate) async fn ping(connection: &mut Connection) {
    connection.send(&post(PING)).await;
    assert_eq!(connection.reply().await.text(), PONG);
}
