//! [`Peer`]: the other side of a session, which handlers can call. The server joins a session with its peer, the client
//! makes what sends the calls, and neither knows the other.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

use crate::SessionProtocol;

/// The other side of a session, as its calls see it.
///
/// Handlers get a typed client for it from [`Context::peer`](crate::Context::peer). A transport makes one for each
/// session, and gives it to the session's calls by [`RequestContext::with_peer`](crate::RequestContext::with_peer).
/// Clones are equal, and peers of different sessions are not. A handler that keeps peers gets its own by
/// `cx.peer::<Peer>()`.
#[derive(Clone)]
pub struct Peer(Arc<PeerState>);

struct PeerState {
    protocol: SessionProtocol,
    outbound: OnceLock<Arc<dyn Outbound>>,
    has_ended: AtomicBool,
    /// Wakes the task of the session when the first caller comes.
    session: Mutex<Option<Waker>>,
}

/// What sends this side's calls over a session, and takes their answers. The client implements it.
///
/// The task that owns the connection calls it, together with the [`Session`](crate::Session) that answers the peer's
/// calls. No function waits.
pub trait Outbound: Any + Send + Sync {
    /// Takes a message of the peer, if it answers a call of this side or belongs to one of its streams. Returns whether
    /// it did. Any other message is for the session.
    ///
    /// The transport calls it before anything else. So answers arrive whatever the handlers of the session do.
    fn receive(&self, message: &Bytes) -> bool;

    /// Appends the text of the next message for the peer to `output`. The output is unchanged while this is pending.
    fn poll_message(&self, cx: &mut Context<'_>, output: &mut Vec<u8>) -> Poll<()>;

    /// Fails all calls and streams that are under way, and all later ones: the session has ended.
    fn end(&self);
}

/// A client that can call the peer of a session. `Client` is one, and so are the clients that `#[rpc::service]` makes.
pub trait FromPeer: Sized {
    /// Makes a client that calls this peer.
    fn from_peer(peer: &Peer) -> Self;
}

impl FromPeer for Peer {
    fn from_peer(peer: &Peer) -> Self {
        peer.clone()
    }
}

impl PartialEq for Peer {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Peer {}

impl Peer {
    /// Makes the peer of a session that begins.
    pub fn new(protocol: SessionProtocol) -> Self {
        Self(Arc::new(PeerState {
            protocol,
            outbound: OnceLock::new(),
            has_ended: AtomicBool::new(false),
            session: Mutex::default(),
        }))
    }

    /// Returns the form of the session's messages.
    pub fn protocol(&self) -> SessionProtocol {
        self.0.protocol
    }

    /// Returns what sends calls to the peer, if there have been any.
    #[inline]
    pub fn outbound(&self) -> Option<&Arc<dyn Outbound>> {
        self.0.outbound.get()
    }

    /// Returns what sends calls to the peer. `make` makes it, if there is none yet.
    ///
    /// After the end of the session, calls fail.
    pub fn outbound_or_init(&self, make: impl FnOnce() -> Arc<dyn Outbound>) -> &Arc<dyn Outbound> {
        let outbound = self.0.outbound.get_or_init(make);
        // The other order is in `end`, so one of the two sees the other.
        if self.has_ended() {
            outbound.end();
        }
        let session = self.0.session.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(session) = session {
            session.wake();
        }
        outbound
    }

    /// Wakes the task of the session once there is something that sends calls. The transport calls it before it looks
    /// at [`outbound`](Self::outbound), and while that is `None`.
    pub fn register(&self, cx: &Context<'_>) {
        let mut session = self.0.session.lock().unwrap_or_else(PoisonError::into_inner);
        if !session.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            *session = Some(cx.waker().clone());
        }
    }

    /// Returns whether the session has ended.
    pub fn has_ended(&self) -> bool {
        self.0.has_ended.load(Ordering::SeqCst)
    }

    /// Notes that the session has ended. Calls to the peer fail from now on.
    pub fn end(&self) {
        self.0.has_ended.store(true, Ordering::SeqCst);
        if let Some(outbound) = self.outbound() {
            outbound.end();
        }
    }
}

impl fmt::Debug for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Peer").field("protocol", &self.0.protocol).field("has_ended", &self.has_ended()).finish()
    }
}

/// The error of [`Context::peer`](crate::Context::peer): the call did not come over a session.
///
/// Calls over HTTP have no peer that could be called, and neither have calls in process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoPeer;

impl fmt::Display for NoPeer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the caller cannot be called: its call did not come over a session, such as a WebSocket")
    }
}

impl Error for NoPeer {}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Wake, Waker};

    use bytes::Bytes;

    use super::{FromPeer, Outbound, Peer};
    use crate::SessionProtocol;

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    impl Outbound for Counted {
        fn receive(&self, _: &Bytes) -> bool {
            false
        }

        fn poll_message(&self, _: &mut Context<'_>, _: &mut Vec<u8>) -> Poll<()> {
            Poll::Pending
        }

        fn end(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn peers_are_equal_within_a_session() {
        let (peer, other) = (Peer::new(SessionProtocol::RpcV1), Peer::new(SessionProtocol::RpcV1));
        assert_eq!(Peer::from_peer(&peer), peer);
        assert_ne!(peer, other);
    }

    #[test]
    fn first_caller_wakes_the_session() {
        let (peer, woken) = (Peer::new(SessionProtocol::RpcV1), Arc::new(Counted::default()));
        let waker = Waker::from(Arc::clone(&woken));
        peer.register(&Context::from_waker(&waker));
        peer.outbound_or_init(|| Arc::new(Counted::default()));
        peer.clone().outbound_or_init(|| unreachable!("the peer has one already"));
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn calls_fail_once_the_session_has_ended() {
        let (before, after) = (Arc::new(Counted::default()), Arc::new(Counted::default()));
        let peer = Peer::new(SessionProtocol::RpcV1);
        peer.outbound_or_init(|| Arc::clone(&before) as _);
        peer.end();
        assert_eq!(before.0.load(Ordering::Relaxed), 1);
        let peer = Peer::new(SessionProtocol::RpcV1);
        peer.end();
        peer.outbound_or_init(|| Arc::clone(&after) as _);
        assert_eq!(after.0.load(Ordering::Relaxed), 1);
    }
}
