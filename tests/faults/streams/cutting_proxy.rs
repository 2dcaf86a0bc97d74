//! A proxy that cuts answers after a number of bytes.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt, copy};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// How a connection ends for the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum How {
    Close,
    Reset,
    /// The connection stays open, and nothing more arrives.
    Stall,
}

/// A cut of what a server sends on one connection.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Cut {
    /// How many bytes the client still gets.
    pub(crate) after: usize,
    pub(crate) how: How,
}

/// A proxy that cuts its first connections by these cuts, and none after them. It ends when this is dropped.
#[derive(Debug)]
pub(crate) struct CuttingProxy {
    addr: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

#[derive(Debug)]
struct State {
    upstream: SocketAddr,
    cuts: Mutex<VecDeque<Cut>>,
    /// How many bytes the client has got on the last connection.
    sent: Mutex<usize>,
}

impl CuttingProxy {
    pub(crate) async fn start(upstream: SocketAddr, cuts: impl IntoIterator<Item = Cut>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let state = Arc::new(State { upstream, cuts: Mutex::new(cuts.into_iter().collect()), sent: Mutex::default() });
        let task = tokio::spawn(listen(listener, Arc::clone(&state)));
        Self { addr, state, task }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// Returns how many bytes the client has got on the last connection.
    pub(crate) fn sent(&self) -> usize {
        *self.state.sent.lock().unwrap()
    }

    /// Returns how many cuts have no connection yet.
    pub(crate) fn cuts_left(&self) -> usize {
        self.state.cuts.lock().unwrap().len()
    }
}

impl Drop for CuttingProxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(listener: TcpListener, state: Arc<State>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                let (client, _) = accepted.unwrap();
                let cut = state.cuts.lock().unwrap().pop_front();
                *state.sent.lock().unwrap() = 0;
                connections.spawn(forward(client, Arc::clone(&state), cut));
            }
        }
    }
}

/// Forwards bytes in both directions, up to the cut.
async fn forward(client: TcpStream, state: Arc<State>, cut: Option<Cut>) {
    let Ok(server) = TcpStream::connect(state.upstream).await else { return };
    client.set_nodelay(true).unwrap();
    server.set_nodelay(true).unwrap();
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let is_cut = tokio::select! {
        // The client has left.
        _ = copy(&mut from_client, &mut to_server) => false,
        is_cut = answer(&mut from_server, &mut to_client, &state, cut) => is_cut,
    };
    let Some(cut) = cut.filter(|_| is_cut) else { return };
    // The server learns of the cut at once.
    drop((from_server, to_server));
    match cut.how {
        How::Close => {}
        How::Reset => to_client.reunite(from_client).unwrap().set_zero_linger().unwrap(),
        How::Stall => drop(copy(&mut from_client, &mut tokio::io::sink()).await),
    }
}

/// Forwards what the server sends. Returns whether it was cut.
async fn answer(server: &mut OwnedReadHalf, client: &mut OwnedWriteHalf, state: &State, cut: Option<Cut>) -> bool {
    let mut buffer = vec![0; 16 << 10];
    let mut left = cut.map_or(usize::MAX, |cut| cut.after);
    while left > 0 {
        let room = left.min(buffer.len());
        let Ok(read @ 1..) = server.read(&mut buffer[..room]).await else { return false };
        if client.write_all(&buffer[..read]).await.is_err() {
            return false;
        }
        *state.sent.lock().unwrap() += read;
        left -= read;
    }
    true
}
