//! [`RawServer`]: a server of WebSockets that a test plays by hand, on tokio-tungstenite.

use futures_util::{SinkExt, StreamExt};
use http::HeaderValue;
use serde_json::Value;
use support::raw_http::TEST_TIMEOUT;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{Request, Response};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

pub(crate) struct RawServer(TcpListener);

/// A connection of a client.
pub(crate) struct RawConnection(WebSocketStream<TcpStream>);

impl RawServer {
    pub(crate) async fn start() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}", self.0.local_addr().unwrap())
    }

    /// Waits for the next connection, and chooses `rpc.v1`.
    pub(crate) async fn accept(&self) -> RawConnection {
        let accepted = timeout(TEST_TIMEOUT, self.0.accept()).await.expect("the client connects");
        #[expect(clippy::result_large_err, reason = "the type is that of the handshake")]
        let choose = |_: &Request, mut response: Response| {
            response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static("rpc.v1"));
            Ok(response)
        };
        RawConnection(accept_hdr_async(accepted.unwrap().0, choose).await.unwrap())
    }
}

impl RawConnection {
    pub(crate) async fn send(&mut self, message: &Value) {
        self.send_text(&message.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }

    /// Returns the next message of the client, or `None` once it has closed the connection.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        loop {
            let next = timeout(TEST_TIMEOUT, self.0.next()).await.expect("the client sends or closes");
            match next?.unwrap() {
                Message::Text(text) => return Some(serde_json::from_str(&text).unwrap()),
                Message::Close(_) => return None,
                _ => {}
            }
        }
    }

    /// Returns the next message of the client.
    pub(crate) async fn receive(&mut self) -> Value {
        self.next().await.expect("the connection is open")
    }
}
