//! What the child serves: methods to attack, and beside them a server that no attack reaches, which tells what was
//! begun.

use std::net::SocketAddr;
use std::sync::Arc;

use rpc::{Client, Limits, Server};
use serde::de::IgnoredAny;
use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use support::process::{self, Process};
use support::raw_http::{Connection, PATIENCE, post};
use support::{PING, PONG};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::watch;

pub(crate) const LARGE: &str = r#"{"jsonrpc":"2.0","method":"large","id":1}"#;
/// A call that is counted and waits as well, and then has a large answer.
pub(crate) const HOLD_LARGE: &str = r#"{"jsonrpc":"2.0","method":"hold_large","id":1}"#;
/// A call that is counted and waits until calls are released.
pub(crate) const HOLD: &str = r#"{"jsonrpc":"2.0","method":"hold","id":1}"#;
pub(crate) const HELD: &str = r#"{"jsonrpc":"2.0","result":null,"id":1}"#;

/// Sees the calls of `hold`.
#[rpc::service(namespace = "control")]
pub(crate) trait Control {
    /// Returns how many have begun.
    #[rpc(readonly)]
    async fn begun(&self) -> u64;

    /// Waits until so many have.
    #[rpc(readonly)]
    async fn until_begun(&self, calls: u64);

    /// Lets them end, and those that come later not wait.
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

/// JSON that was written before, of which no answer has a copy of its own until it is written.
#[derive(Clone)]
struct Written(Arc<RawValue>);

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

/// Serves in the child, where the limits are for those who attack. The method `large` answers with so many bytes.
pub(crate) async fn serve(limits: Limits, answer: usize) {
    if !process::is_child() {
        return;
    }
    let gate = Arc::new(Gate::default());
    // It is written once, so that the attackers do not merely keep the processors busy.
    let answer = Written(Arc::from(RawValue::from_string(format!("\"{}\"", "x".repeat(answer))).unwrap()));
    let control = Server::builder().service(ControlServer::new(Arc::clone(&gate))).build();
    let attacked = Server::builder()
        .limits(limits)
        .method("ping", || async { "pong" })
        // What it is given it does not keep, so that the server's own memory is measured.
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

/// The server that is attacked, and what is known of it.
pub(crate) struct Attacked {
    pub(crate) process: Process<2>,
    pub(crate) addr: SocketAddr,
    pub(crate) control: ControlClient,
}

impl Attacked {
    /// Starts the test `serves` of the module of this `module_path!()`, which calls [`serve`].
    pub(crate) async fn start(module: &str) -> Self {
        Self::of(Process::start(module, "serves").await)
    }

    pub(crate) fn of(process: Process<2>) -> Self {
        let [addr, control] = process.addrs;
        let control = ControlClient::new(Client::new(format!("http://{control}")).unwrap());
        Self { process, addr, control }
    }

    /// Makes so many connections more, by sockets that take up little of what is not sent on or not read.
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
            // Not more than fit into the queue of those that are to be accepted: others would try again a second later.
            if streams.len() % 64 == 0 || streams.len() == connections {
                self.process.until_connections_are(PATIENCE, |open| open >= before + streams.len()).await;
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
