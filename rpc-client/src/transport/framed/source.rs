//! [`ByteSource`]: what opens the streams of bytes of a connection.

use std::io;
#[cfg(unix)]
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
#[cfg(unix)]
use std::time::Duration;

use rpc_core::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite};

use crate::failure::Failure;
#[cfg(unix)]
use crate::failure::FailureKind;
#[cfg(unix)]
use crate::runtime::{Instant, timeout_at};
use crate::transport::ServerAddress;

/// The two directions of a connection.
pub(super) struct ByteStreams {
    pub(super) reader: Box<dyn AsyncRead + Send + Unpin>,
    pub(super) writer: Box<dyn AsyncWrite + Send + Unpin>,
}

impl ByteStreams {
    pub(super) fn new<R, W>(reader: R, writer: W) -> Self
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        Self { reader: Box::new(reader), writer: Box::new(writer) }
    }
}

type Connect = Box<dyn Fn() -> BoxFuture<io::Result<ByteStreams>> + Send + Sync>;

/// Opens connections to one server.
pub(super) enum ByteSource {
    /// The one connection, until it is used.
    Once(Mutex<Option<ByteStreams>>),
    /// The user's function.
    Connecting(Connect),
    /// A Unix socket, and how long connecting to it may take.
    #[cfg(unix)]
    Unix { path: PathBuf, timeout: Duration },
}

impl ByteSource {
    pub(super) fn once<R, W>(reader: R, writer: W) -> Self
    where
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        Self::Once(Mutex::new(Some(ByteStreams::new(reader, writer))))
    }

    pub(super) fn connecting<F, C, R, W>(connect: F) -> Self
    where
        F: Fn() -> C + Send + Sync + 'static,
        C: Future<Output = io::Result<(R, W)>> + Send + 'static,
        R: AsyncRead + Send + Unpin + 'static,
        W: AsyncWrite + Send + Unpin + 'static,
    {
        Self::Connecting(Box::new(move || {
            let connecting = connect();
            Box::pin(async move { connecting.await.map(|(reader, writer)| ByteStreams::new(reader, writer)) })
        }))
    }

    pub(super) async fn connect(&self) -> Result<ByteStreams, Failure> {
        match self {
            Self::Once(streams) => {
                let streams = streams.lock().unwrap_or_else(PoisonError::into_inner).take();
                streams.ok_or_else(|| Failure::not_sent("the transport's only connection has ended or is in use"))
            }
            Self::Connecting(connect) => connect().await.map_err(Failure::connect),
            #[cfg(unix)]
            Self::Unix { path, timeout } => {
                let failure = |error: io::Error| {
                    let to = format!("unix:{}", path.display());
                    Failure::with_source(FailureKind::Connect(Some(to.into())), error)
                };
                let connecting = tokio::net::UnixStream::connect(path);
                let connected = timeout_at(Instant::now() + *timeout, connecting).await;
                let late = |_| io::Error::new(io::ErrorKind::TimedOut, format!("no connection within {timeout:?}"));
                let (reader, writer) =
                    connected.unwrap_or_else(|error| Err(late(error))).map_err(failure)?.into_split();
                Ok(ByteStreams::new(reader, writer))
            }
        }
    }

    pub(super) fn server_address(&self) -> Option<ServerAddress> {
        match self {
            Self::Once(_) | Self::Connecting(_) => None,
            #[cfg(unix)]
            Self::Unix { path, .. } => Some(ServerAddress::of_path(path)),
        }
    }
}
