//! A minimal HTTP/1.1 for a proxy that changes only what it must.

use std::io;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request or an answer, with its headers unchanged.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    /// The first line.
    pub(crate) start: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Message {
    /// Builds an answer of the proxy itself.
    pub(crate) fn answer(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        let mut message = Self { start: format!("HTTP/1.1 {status} Proxy"), headers, body: Vec::new() };
        message.set_body(body);
        message
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        values.next().map(|(_, value)| value.as_str())
    }

    pub(crate) fn set_header(&mut self, name: &str, value: impl Into<String>) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.to_owned(), value.into()));
    }

    pub(crate) fn set_body(&mut self, body: impl Into<Vec<u8>>) {
        self.body = body.into();
        self.set_header("content-length", self.body.len().to_string());
    }

    pub(crate) fn method(&self) -> &str {
        self.start.split(' ').next().unwrap_or_default()
    }

    pub(crate) fn head(&self) -> Vec<u8> {
        let mut head = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.head();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

/// A connection, with the bytes that have arrived and are not read yet.
#[derive(Debug)]
pub(crate) struct Wire {
    stream: TcpStream,
    unread: Vec<u8>,
}

impl Wire {
    pub(crate) fn new(stream: TcpStream) -> Self {
        stream.set_nodelay(true).unwrap();
        Self { stream, unread: Vec::new() }
    }

    /// Reads the next message. Returns `None` at the end of the connection. With `has_body` false, as for an answer to
    /// HEAD, there is no body whatever its length says.
    pub(crate) async fn read(&mut self, has_body: bool) -> io::Result<Option<Message>> {
        let end = loop {
            if let Some(end) = self.unread.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
                break end + 4;
            }
            if !self.read_more().await? {
                return if self.unread.is_empty() { Ok(None) } else { Err(io::ErrorKind::UnexpectedEof.into()) };
            }
        };
        let head = String::from_utf8(self.unread.drain(..end).collect()).map_err(|_| io::ErrorKind::InvalidData)?;
        let mut lines = head.trim_end().split("\r\n");
        let start = lines.next().unwrap_or_default().to_owned();
        let headers = lines.filter_map(|line| line.split_once(':'));
        let headers = headers.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        let mut message = Message { start, headers, body: Vec::new() };
        assert!(message.header("transfer-encoding").is_none(), "neither side of ours sends chunks: {message:?}");
        let length = message.header("content-length").and_then(|length| length.parse().ok()).filter(|_| has_body);
        let length: usize = length.unwrap_or(0);
        while self.unread.len() < length {
            if !self.read_more().await? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        message.body = self.unread.drain(..length).collect();
        Ok(Some(message))
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes).await
    }

    /// Waits until the peer has closed the connection.
    pub(crate) async fn closed(&mut self) {
        while self.read_more().await.unwrap_or(false) {}
    }

    /// Waits until there are bytes to read, without reading them.
    pub(crate) async fn readable(&self) {
        if self.unread.is_empty() {
            self.stream.readable().await.unwrap();
        }
    }

    /// Closes the connection with a reset, so that the peer sees an error.
    pub(crate) fn reset(self) {
        self.stream.set_zero_linger().unwrap();
    }

    async fn read_more(&mut self) -> io::Result<bool> {
        Ok(self.stream.read_buf(&mut self.unread).await? > 0)
    }
}
