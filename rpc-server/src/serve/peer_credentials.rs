//! [`PeerCredentials`]: the user, the group and the process at the other end of a Unix socket.

/// The user, the group and the process at the other end of a Unix socket, as the system tells them.
///
/// The requests that come over [`Server::bind_unix`](crate::Server::bind_unix), and over
/// [`Server::messages_on`](crate::Server::messages_on) with tokio's `UnixListener`, have it in their extensions. So
/// [`Authenticate`](crate::auth::Authenticate) may use it instead of a token.
///
/// # Example
///
/// ```
/// use std::sync::Arc;
///
/// use rpc::{Denied, PeerCredentials, Principal, RequestContext, Server};
///
/// let server = Server::builder()
///     .method("whoami", |cx: rpc::Context| async move { cx.principal().map(|caller| caller.subject().to_owned()) })
///     .authenticate(|request: Arc<RequestContext>| async move {
///         let peer = request.extensions.get::<PeerCredentials>().ok_or(Denied::unauthenticated("no Unix socket"))?;
///         Ok(Some(Principal::new(format!("uid:{}", peer.uid))))
///     })
///     .build();
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PeerCredentials {
    /// The id of the user that opened the connection.
    pub uid: u32,
    /// The id of the user's group.
    pub gid: u32,
    /// The id of the process, if the system knows it. It may be in use by another process by now.
    pub pid: Option<i32>,
}

impl PeerCredentials {
    #[cfg(unix)]
    pub(super) fn of(stream: &tokio::net::UnixStream) -> Option<Self> {
        let known =
            stream.peer_cred().inspect_err(|error| tracing::debug!(%error, "the peer of a Unix socket is unknown"));
        known.ok().map(|peer| Self { uid: peer.uid(), gid: peer.gid(), pid: peer.pid() })
    }
}
