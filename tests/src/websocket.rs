//! A client of WebSockets, on tokio-tungstenite.

use std::net::SocketAddr;

use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use crate::raw_http::TEST_TIMEOUT;

/// An open WebSocket.
#[derive(Debug)]
pub struct WebSocket {
    pub stream: WebSocketStream<TcpStream>,
    /// The subprotocol that the server has selected.
    pub protocol: Option<String>,
}

impl WebSocket {
    /// Opens a WebSocket of the protocol `rpc.v1`.
    pub async fn open(addr: SocketAddr) -> Self {
        let socket = Self::open_with(addr, &[("sec-websocket-protocol", "rpc.v1")]).await.unwrap();
        assert_eq!(socket.protocol.as_deref(), Some("rpc.v1"));
        socket
    }

    /// Opens a WebSocket of the older form.
    pub async fn open_older(addr: SocketAddr) -> Self {
        let socket = Self::open_with(addr, &[]).await.unwrap();
        assert_eq!(socket.protocol, None);
        socket
    }

    /// Opens a WebSocket with these headers, or returns the status of the refusal.
    ///
    /// # Errors
    ///
    /// Returns the HTTP status of a refusal.
    pub async fn open_with(addr: SocketAddr, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let stream = timeout(TEST_TIMEOUT, TcpStream::connect(addr)).await.expect("connecting does not hang").unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream, addr, headers).await
    }

    /// Opens a WebSocket on this connection.
    ///
    /// # Errors
    ///
    /// Returns the HTTP status of a refusal.
    pub async fn over(stream: TcpStream, addr: SocketAddr, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let mut request = format!("ws://{addr}/").into_client_request().unwrap();
        for (name, value) in headers {
            request.headers_mut().append(HeaderName::from_static(name), HeaderValue::from_str(value).unwrap());
        }
        let opened = timeout(TEST_TIMEOUT, client_async(request, stream)).await.expect("the upgrade does not hang");
        match opened {
            Ok((stream, response)) => {
                let protocol = response.headers().get("sec-websocket-protocol");
                let protocol = protocol.map(|protocol| protocol.to_str().unwrap().to_owned());
                Ok(Self { stream, protocol })
            }
            Err(Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("the upgrade failed: {error}"),
        }
    }

    pub async fn send(&mut self, message: &Value) {
        self.send_text(message.to_string()).await;
    }

    pub async fn send_text(&mut self, text: impl Into<String>) {
        self.stream.send(Message::text(text.into())).await.unwrap();
    }

    /// Sends a call without params.
    pub async fn call(&mut self, method: &str, params: Value, id: u64) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params, "id": id })).await;
    }

    pub async fn notify(&mut self, method: &str, params: Value) {
        self.send(&json!({ "jsonrpc": "2.0", "method": method, "params": params })).await;
    }

    /// Returns the next frame, or `None` at the end of the connection.
    pub async fn frame(&mut self) -> Option<Message> {
        let next = timeout(TEST_TIMEOUT, self.stream.next()).await.expect("a frame comes");
        match next? {
            Ok(message) => Some(message),
            Err(Error::ConnectionClosed | Error::AlreadyClosed | Error::Protocol(_) | Error::Io(_)) => None,
            Err(error) => panic!("a WebSocket failed: {error}"),
        }
    }

    /// Returns the text of the next message.
    pub async fn text(&mut self) -> String {
        loop {
            match self.frame().await.expect("the connection is open") {
                Message::Text(text) => return text.as_str().to_owned(),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?} instead of a message"),
            }
        }
    }

    /// Returns the next message.
    pub async fn receive(&mut self) -> Value {
        serde_json::from_str(&self.text().await).unwrap()
    }

    /// Returns the code of the close frame that comes next, or `None` if the connection ends without one.
    pub async fn close_code(&mut self) -> Option<u16> {
        loop {
            match self.frame().await? {
                Message::Close(close) => return close.map(|close| close.code.into()),
                Message::Ping(_) | Message::Pong(_) => {}
                other => panic!("{other:?} instead of the end"),
            }
        }
    }
}
