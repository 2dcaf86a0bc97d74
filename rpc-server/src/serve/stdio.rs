//! [`stdio`]: a server on standard input and output, which a parent process starts and calls. A thread reads and a
//! thread writes, so that no runtime waits for them.

use std::io::{self, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::thread;

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::{mpsc, oneshot};

use super::one_connection::ServerConnection;
use super::stream::ConnectionStream;
use crate::Server;

/// How many bytes are read or written at a time.
const CHUNK: usize = 64 << 10;

/// How many chunks may wait to be taken before the thread stops reading.
const WAITING: usize = 2;

/// Serves on standard input and output: the process answers the calls of its parent, as language servers and servers of
/// MCP do. Await the returned value to serve.
///
/// It ends when standard input ends, or at ctrl-c or SIGTERM. See [`ServerConnection`]. By default, each message is a
/// line, and [`ServerConnection::framing`] changes that.
///
/// Standard output belongs to the protocol. A program that prints there itself, such as by `println!` or by a logger,
/// breaks its messages. Loggers write to standard error instead: `tracing_subscriber::fmt().with_writer(io::stderr)`.
///
/// A process can serve there once: the bytes that were read ahead are lost afterwards.
///
/// # Example
///
/// ```no_run
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// // printf '{"jsonrpc":"2.0","method":"ping","id":1}\n' | server
/// let server = rpc::Server::builder().method("ping", || async { "pong" }).build();
/// rpc::stdio(server).await
/// # }
/// ```
pub fn stdio(server: Server) -> ServerConnection {
    ServerConnection::new(server, ConnectionStream::Other(Box::new(StandardStreams::default())))
}

/// Standard input and output as one byte stream.
///
/// tokio's own standard input blocks the end of its runtime: a read that has begun cannot be cancelled, and the runtime
/// waits for the thread of such a read. The same holds for a write to a parent that does not read. Nothing waits for
/// the threads here.
#[derive(Debug, Default)]
struct StandardStreams {
    input: Input,
    output: Output,
}

#[derive(Debug, Default)]
enum Input {
    #[default]
    Unread,
    Reads {
        chunks: mpsc::Receiver<io::Result<Bytes>>,
        chunk: Bytes,
    },
    /// Nothing more is read.
    Ended,
}

#[derive(Debug, Default)]
struct Output {
    chunks: Option<mpsc::Sender<Chunk>>,
    /// The result of the chunk that is written.
    writing: Option<oneshot::Receiver<io::Result<()>>>,
}

type Chunk = (Vec<u8>, oneshot::Sender<io::Result<()>>);

impl Input {
    /// Starts the thread that reads. It ends when the input ends, or with the first chunk that nobody takes.
    fn begin() -> io::Result<Self> {
        let (sender, chunks) = mpsc::channel(WAITING);
        let read = move || {
            let mut input = io::stdin().lock();
            let mut chunk = vec![0; CHUNK];
            loop {
                let read = match input.read(&mut chunk) {
                    Ok(0) => return,
                    Ok(read) => Ok(Bytes::copy_from_slice(&chunk[..read])),
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                let is_last = read.is_err();
                if sender.blocking_send(read).is_err() || is_last {
                    return;
                }
            }
        };
        thread::Builder::new().name("rpc-stdin".into()).spawn(read)?;
        Ok(Self::Reads { chunks, chunk: Bytes::new() })
    }
}

impl AsyncRead for StandardStreams {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if let Input::Unread = self.input {
            self.input = Input::begin()?;
        }
        let Input::Reads { chunks, chunk } = &mut self.input else { return Poll::Ready(Ok(())) };
        if chunk.is_empty() {
            match ready!(chunks.poll_recv(cx)) {
                Some(read) => *chunk = read?,
                None => {
                    self.input = Input::Ended;
                    return Poll::Ready(Ok(()));
                }
            }
        }
        let taken = chunk.len().min(buf.remaining());
        buf.put_slice(&chunk[..taken]);
        chunk.advance(taken);
        Poll::Ready(Ok(()))
    }
}

impl Output {
    /// Returns what takes chunks, and starts the thread that writes them if there is none.
    fn chunks(&mut self) -> io::Result<&mpsc::Sender<Chunk>> {
        if self.chunks.is_none() {
            let (sender, mut chunks) = mpsc::channel::<Chunk>(1);
            let write = move || {
                while let Some((chunk, done)) = chunks.blocking_recv() {
                    let mut output = io::stdout().lock();
                    let _ = done.send(output.write_all(&chunk).and_then(|()| output.flush()));
                }
            };
            thread::Builder::new().name("rpc-stdout".into()).spawn(write)?;
            self.chunks = Some(sender);
        }
        Ok(self.chunks.as_ref().expect("it was just set"))
    }

    /// Waits until the last chunk is written.
    fn poll_written(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Some(writing) = &mut self.writing else { return Poll::Ready(Ok(())) };
        let written = ready!(Pin::new(writing).poll(cx));
        self.writing = None;
        Poll::Ready(written.unwrap_or_else(|_| Err(io::ErrorKind::BrokenPipe.into())))
    }
}

impl AsyncWrite for StandardStreams {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let output = &mut self.output;
        ready!(output.poll_written(cx))?;
        if buf.is_empty() {
            return Poll::Ready(Ok(0));
        }
        let chunk = &buf[..buf.len().min(CHUNK)];
        let (done, writing) = oneshot::channel();
        output.chunks()?.try_send((chunk.to_vec(), done)).map_err(|_| io::ErrorKind::BrokenPipe)?;
        output.writing = Some(writing);
        Poll::Ready(Ok(chunk.len()))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.output.poll_written(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        // The parent may leave the input open. What it still sends is of no use once the output has ended.
        self.input = Input::Ended;
        self.output.poll_written(cx)
    }
}
