//! Binds a server to a Unix socket: [`UnixSocket`] replaces the file that a dead server has left behind, and removes
//! its own at the end.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use tokio::net::unix::SocketAddr;
use tokio::net::{UnixListener, UnixSocket as TokioUnixSocket, UnixStream};

use super::BoundServer;
use super::incoming::BACKLOG;
use super::listener::Listener;
use crate::Server;
use crate::framed::MessageSettings;

impl Server {
    /// Binds a Unix socket at this path without serving yet. Peers send messages without HTTP, a line each.
    ///
    /// The bound server is like any other: it has the limits, the drain and the hooks of
    /// [`bind`](Self::bind), and several connections. It has no pages, no routes and no TLS. For other
    /// [settings](MessageSettings), bind tokio's `UnixListener` and use [`messages_on`](Self::messages_on), which
    /// leaves the file to the caller.
    ///
    /// The socket file that a dead server has left behind is replaced. The file is removed when the server stops
    /// listening, unless it is another server's by then. Its permissions are those of the process's umask, and those
    /// of its directory decide who may connect. The requests have [`PeerCredentials`](crate::PeerCredentials) in their
    /// extensions.
    ///
    /// # Errors
    ///
    /// [`AddrInUse`](io::ErrorKind::AddrInUse) if another server listens at this path, or if the file there is no
    /// socket. Otherwise if the path cannot be bound. Systems limit it to about 100 bytes.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future binds nothing, but may have removed the file of a dead server.
    ///
    /// # Example
    ///
    /// ```
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    /// use tokio::net::UnixStream;
    ///
    /// # let path = std::env::temp_dir().join(format!("rpc-bind-unix-{}.sock", std::process::id()));
    /// let server = rpc::Server::builder().method("ping", || async { "pong" }).build();
    /// let server = server.bind_unix(&path).await?.spawn();
    ///
    /// let mut stream = BufReader::new(UnixStream::connect(&path).await?);
    /// stream.write_all(b"{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":1}\n").await?;
    /// let mut answer = String::new();
    /// stream.read_line(&mut answer).await?;
    /// assert_eq!(answer, "{\"jsonrpc\":\"2.0\",\"result\":\"pong\",\"id\":1}\n");
    /// # drop(stream);
    /// server.shutdown().await;
    /// assert!(!path.exists());
    /// # std::io::Result::Ok(())
    /// # }).unwrap();
    /// ```
    pub async fn bind_unix(&self, path: impl AsRef<Path>) -> io::Result<BoundServer> {
        self.messages_on(UnixSocket::bind(path.as_ref()).await?, MessageSettings::default())
    }
}

/// A Unix socket that listens, and its file.
#[derive(Debug)]
struct UnixSocket {
    listener: UnixListener,
    _file: SocketFile,
}

impl UnixSocket {
    async fn bind(path: &Path) -> io::Result<Self> {
        let listener = match listen(path) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                remove_stale(path).await?;
                listen(path)?
            }
            listening => listening?,
        };
        Ok(Self { listener, _file: SocketFile::at(path)? })
    }
}

impl Listener for UnixSocket {
    type Io = UnixStream;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> io::Result<(UnixStream, SocketAddr)> {
        self.listener.accept().await
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

fn listen(path: &Path) -> io::Result<UnixListener> {
    let socket = TokioUnixSocket::new_stream()?;
    socket.bind(path)?;
    socket.listen(BACKLOG)
}

/// Removes the file of a socket on which nobody listens.
async fn remove_stale(path: &Path) -> io::Result<()> {
    let in_use = |why: &str| io::Error::new(io::ErrorKind::AddrInUse, format!("{}: {why}", path.display()));
    let found = fs::symlink_metadata(path)?;
    if !found.file_type().is_socket() {
        return Err(in_use("a file that is no socket is at this path"));
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {}
        // It is alive, or busy, or belongs to another user.
        _ => return Err(in_use("another server listens at this path")),
    }
    // Another server may have replaced the file in the meantime.
    if inode(&fs::symlink_metadata(path)?) != inode(&found) {
        return Err(in_use("another server listens at this path"));
    }
    tracing::info!(path = %path.display(), "the socket file that a dead server has left behind is replaced");
    fs::remove_file(path)
}

fn inode(file: &fs::Metadata) -> (u64, u64) {
    (file.dev(), file.ino())
}

/// The file of a socket. It is removed when this is dropped, unless it is another one by then.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    inode: (u64, u64),
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        // The working directory may be another one at the end.
        let path = std::path::absolute(path)?;
        let inode = inode(&fs::symlink_metadata(&path)?);
        Ok(Self { path, inode })
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path).is_ok_and(|found| inode(&found) == self.inode);
        if is_ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(%error, path = %self.path.display(), "the socket file cannot be removed");
        }
    }
}
