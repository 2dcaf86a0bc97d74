//! A minimal HTTP/1.1 over a plain socket. It sends exactly what a test says, and returns all that is sent back.

use std::net::SocketAddr;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long any wait may take before the test fails. It is far more than any needs, so only a hang exceeds it.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(20);

/// An answer with its whole body.
#[derive(Debug)]
pub struct Reply {
    pub version: String,
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// The statuses of the interim answers before it, such as `100 Continue`.
    pub interim: Vec<u16>,
}

impl Reply {
    /// Returns the value of a header that occurs at most once.
    #[track_caller]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        let value = values.next().map(|(_, value)| value.as_str());
        assert!(values.next().is_none(), "header {name} occurs twice: {self:?}");
        value
    }

    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("answers are UTF-8")
    }

    /// Decodes the body.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body).unwrap()
    }
}

/// A connection to a server.
#[derive(Debug)]
pub struct Connection<S = TcpStream> {
    stream: S,
    unread: Vec<u8>,
}

impl Connection {
    pub async fn open(addr: SocketAddr) -> Self {
        let stream = timeout(TEST_TIMEOUT, TcpStream::connect(addr)).await.expect("connecting does not hang").unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream)
    }

    /// Returns whether bytes have arrived, or arrive within this time.
    pub async fn has_bytes_within(&mut self, wait: Duration) -> bool {
        !self.unread.is_empty() || timeout(wait, self.stream.readable()).await.is_ok()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Connection<S> {
    /// Wraps a connection of any kind.
    pub fn over(stream: S) -> Self {
        Self { stream, unread: Vec::new() }
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        let sent = timeout(TEST_TIMEOUT, self.stream.write_all(bytes)).await.expect("sending does not hang");
        sent.expect("the server takes what is sent");
    }

    /// Sends as long as the server reads. The server may answer and close before all is sent.
    pub async fn send_until_refused(&mut self, bytes: &[u8]) {
        let sent = timeout(TEST_TIMEOUT, self.stream.write_all(bytes)).await.expect("sending does not hang");
        drop(sent);
    }

    /// Closes the sending half of the connection. The answer can still be read.
    pub async fn finish_sending(&mut self) {
        self.stream.shutdown().await.unwrap();
    }

    /// Reads the next answer to any request except HEAD.
    pub async fn reply(&mut self) -> Reply {
        self.reply_with_body(true).await
    }

    /// Reads the next answer. With `has_body` false, as for HEAD, there is no body whatever its length says.
    pub async fn reply_with_body(&mut self, has_body: bool) -> Reply {
        let mut reply = self.head().await;
        while reply.status < 200 {
            let mut interim = std::mem::take(&mut reply.interim);
            interim.push(reply.status);
            reply = self.head().await;
            reply.interim = interim;
        }
        if has_body {
            let length: usize = reply.header("content-length").expect("an answer has a length").parse().unwrap();
            while self.unread.len() < length {
                assert!(self.read_more().await, "the connection ended within a body: {reply:?}");
            }
            reply.body = self.unread.drain(..length).collect();
        }
        reply
    }

    /// Waits for bytes without reading them, and returns whether they are these.
    pub async fn sees(&mut self, bytes: &[u8]) -> bool {
        while self.unread.len() < bytes.len() && self.read_more().await {}
        self.unread.starts_with(bytes)
    }

    /// Waits until the server closes the connection. Returns the bytes that arrived before that.
    pub async fn rest(mut self) -> Vec<u8> {
        while self.read_more().await {}
        self.unread
    }

    /// Reads the next chunk of a body with `Transfer-Encoding: chunked`. Returns `None` for the last one.
    pub async fn chunk(&mut self) -> Option<Vec<u8>> {
        let line = self.through(b"\r\n").await?;
        let size = usize::from_str_radix(std::str::from_utf8(&line).ok()?.trim_end(), 16).ok()?;
        while self.unread.len() < size + 2 {
            if !self.read_more().await {
                return None;
            }
        }
        let chunk = self.unread.drain(..size + 2).take(size).collect();
        (size > 0).then_some(chunk)
    }

    /// Reads up to the end of a mark. Returns `None` if the connection ends before it.
    async fn through(&mut self, mark: &[u8]) -> Option<Vec<u8>> {
        loop {
            if let Some(start) = self.unread.windows(mark.len()).position(|bytes| bytes == mark) {
                return Some(self.unread.drain(..start + mark.len()).collect());
            }
            if !self.read_more().await {
                return None;
            }
        }
    }

    /// Reads the head of the next answer.
    pub async fn head(&mut self) -> Reply {
        let end = loop {
            match self.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                Some(end) => break end + 4,
                None => assert!(
                    self.read_more().await,
                    "the connection ended without an answer, after {:?}",
                    String::from_utf8_lossy(&self.unread)
                ),
            }
        };
        let head = String::from_utf8(self.unread.drain(..end).collect()).expect("heads are ASCII");
        let mut lines = head.trim_end().split("\r\n");
        let (version, status) = lines.next().and_then(|line| line.split_once(' ')).expect("a status line");
        let headers = lines.map(|line| {
            let (name, value) = line.split_once(':').expect("a header has a colon");
            (name.to_owned(), value.trim().to_owned())
        });
        Reply {
            version: version.to_owned(),
            status: status.get(..3).and_then(|digits| digits.parse().ok()).expect("a status has three digits"),
            headers: headers.collect(),
            body: Vec::new(),
            interim: Vec::new(),
        }
    }

    async fn read_more(&mut self) -> bool {
        let read =
            timeout(TEST_TIMEOUT, self.stream.read_buf(&mut self.unread)).await.expect("the server does not hang");
        read.expect("the server does not reset the connection") > 0
    }
}

/// Returns a request with only these headers.
pub fn request(line: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut bytes = format!("{line}\r\n").into_bytes();
    for (name, value) in headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body);
    bytes
}

/// Returns the POST that a well-behaved client sends.
pub fn post(body: impl AsRef<[u8]>) -> Vec<u8> {
    post_with(&[], body)
}

/// Returns such a POST with more headers.
pub fn post_with(headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Vec<u8> {
    let body = body.as_ref();
    let length = body.len().to_string();
    let mut all = vec![("host", "localhost"), ("content-type", "application/json"), ("content-length", &*length)];
    all.extend_from_slice(headers);
    request("POST / HTTP/1.1", &all, body)
}

/// Sends one request on a new connection, and reads the answer.
pub async fn exchange(addr: SocketAddr, bytes: &[u8]) -> Reply {
    let mut connection = Connection::open(addr).await;
    connection.send(bytes).await;
    connection.reply().await
}
