//! Sessions on Unix sockets: what runs on them, how they end, and what becomes of the socket file. The peer is written
//! by hand.

mod calls;
mod ending;
mod faults;
mod files;
mod limits;

use std::env;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use rpc::{Framing, MessageSettings, Server, ServerHandle};
use serde_json::Value;
use support::raw_http::TEST_TIMEOUT;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;

const FRAMINGS: [Framing; 2] = [Framing::Lines, Framing::ContentLength];

/// Returns a path where no file is.
fn free_path() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    env::temp_dir().join(format!("rpc-test-{}-{number}.sock", std::process::id()))
}

/// A server on a Unix socket.
struct Served {
    handle: Option<ServerHandle>,
    path: PathBuf,
    framing: Framing,
}

impl Served {
    async fn start(server: &Server, framing: Framing) -> Self {
        let path = free_path();
        let bound = match framing {
            Framing::Lines => server.bind_unix(&path).await.unwrap(),
            _ => {
                let listener = UnixListener::bind(&path).unwrap();
                server.messages_on(listener, MessageSettings::default().framing(framing)).unwrap()
            }
        };
        Self { handle: Some(bound.spawn()), path, framing }
    }

    async fn connect(&self) -> Peer {
        Peer::connect(&self.path, self.framing).await
    }

    /// Begins to shut down. The task ends once the server has drained.
    fn stop(&mut self) -> JoinHandle<()> {
        tokio::spawn(self.handle.take().unwrap().shutdown())
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        // `messages_on` leaves the file to its caller.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// A client that writes its bytes itself.
struct Peer {
    reader: BufReader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
    framing: Framing,
}

impl Peer {
    async fn connect(path: &Path, framing: Framing) -> Self {
        let (reader, writer) = UnixStream::connect(path).await.unwrap().into_split();
        Self { reader: BufReader::new(reader), writer, framing }
    }

    async fn send_bytes(&mut self, bytes: &[u8]) {
        self.writer.write_all(bytes).await.unwrap();
    }

    /// Sends a message.
    async fn send(&mut self, text: &str) {
        let framed = match self.framing {
            Framing::Lines => format!("{text}\n"),
            _ => format!("Content-Length: {}\r\n\r\n{text}", text.len()),
        };
        self.send_bytes(framed.as_bytes()).await;
    }

    /// Receives the next message.
    async fn receive(&mut self) -> Value {
        let received = timeout(TEST_TIMEOUT, self.try_receive()).await.expect("a message comes");
        received.expect("the connection has not ended")
    }

    /// Receives the next message, or `None` at the end of the connection.
    async fn try_receive(&mut self) -> Option<Value> {
        let mut line = String::new();
        self.reader.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        if self.framing == Framing::Lines {
            return Some(serde_json::from_str(&line).unwrap());
        }
        let len: usize = line.strip_prefix("Content-Length: ").expect("a head begins").trim().parse().unwrap();
        let mut text = vec![0; len + 2];
        self.reader.read_exact(&mut text).await.unwrap();
        assert_eq!(&text[..2], b"\r\n");
        Some(serde_json::from_slice(&text[2..]).unwrap())
    }

    /// Sends a message and receives the next one.
    async fn ask(&mut self, text: &str) -> Value {
        self.send(text).await;
        self.receive().await
    }

    /// Waits for the end of the connection, before which no message comes.
    async fn until_end(&mut self) {
        let received = timeout(TEST_TIMEOUT, self.try_receive()).await.expect("the connection ends");
        assert_eq!(received, None);
    }
}

fn call(method: &str, params: &str, id: u64) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params},"id":{id}}}"#)
}

fn notification(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#)
}
