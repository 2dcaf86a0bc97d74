//! [`PeerSession`]: joins the session of a connection with the [`Peer`] that the session's handlers call. Answers of
//! the peer are routed before anything else, so they never wait for a handler.

use std::task::{Context, Poll};

use bytes::Bytes;
use rpc_core::{Peer, RequestContext, Session, SessionEvent};

/// A session whose handlers can call the other side.
pub(crate) struct PeerSession {
    peer: Peer,
    session: Box<dyn Session>,
    /// Whether the session is asked for a message before the peer. Neither side delays the messages of the other one.
    is_sessions_turn: bool,
}

impl PeerSession {
    /// Joins a session with the peer in the context of the request that opened it. The requests of the session have the
    /// same peer. Without a peer, returns the session unchanged.
    pub(crate) fn join(opening: &RequestContext, session: Box<dyn Session>) -> Box<dyn Session> {
        match opening.peer() {
            Some(peer) => Box::new(Self { peer: peer.clone(), session, is_sessions_turn: false }),
            None => session,
        }
    }

    /// Appends the next message of this side's own calls.
    fn poll_outbound(&mut self, cx: &mut Context<'_>, output: &mut Vec<u8>) -> Poll<()> {
        if self.peer.outbound().is_none() {
            // Before the second look, so that a first caller in between wakes this task.
            self.peer.register(cx);
        }
        match self.peer.outbound() {
            Some(outbound) => outbound.poll_message(cx, output),
            None => Poll::Pending,
        }
    }
}

impl Session for PeerSession {
    fn receive(&mut self, message: Bytes) {
        // Without calls of this side, the message is not parsed twice.
        let is_taken = self.peer.outbound().is_some_and(|outbound| outbound.receive(&message));
        if !is_taken {
            self.session.receive(message);
        }
    }

    fn poll_message(&mut self, cx: &mut Context<'_>, output: &mut Vec<u8>) -> Poll<SessionEvent> {
        let is_sessions_turn = std::mem::replace(&mut self.is_sessions_turn, false);
        if !is_sessions_turn && self.poll_outbound(cx, output).is_ready() {
            self.is_sessions_turn = true;
            return Poll::Ready(SessionEvent::Message);
        }
        if let Poll::Ready(event) = self.session.poll_message(cx, output) {
            return Poll::Ready(event);
        }
        // The session's poll has run handlers, which may have called the peer.
        self.poll_outbound(cx, output).map(|()| {
            self.is_sessions_turn = true;
            SessionEvent::Message
        })
    }

    fn run(&mut self, cx: &mut Context<'_>) {
        self.session.run(cx);
    }

    fn drain(&mut self) {
        self.session.drain();
    }
}

impl Drop for PeerSession {
    fn drop(&mut self) {
        // Handlers that outlive the session get errors at once instead of waiting for answers.
        self.peer.end();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Poll, Wake, Waker};

    use bytes::Bytes;
    use rpc_core::{Outbound, Peer, RequestContext, Session, SessionEvent, SessionProtocol};

    use super::PeerSession;

    /// Always has a message, as a session and as what sends calls.
    #[derive(Default)]
    struct Endless(AtomicUsize);

    impl Session for Endless {
        fn receive(&mut self, _: Bytes) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn poll_message(&mut self, _: &mut Context<'_>, output: &mut Vec<u8>) -> Poll<SessionEvent> {
            output.extend_from_slice(b"session ");
            Poll::Ready(SessionEvent::Message)
        }

        fn drain(&mut self) {}
    }

    impl Outbound for Endless {
        fn receive(&self, message: &Bytes) -> bool {
            message == "answer"
        }

        fn poll_message(&self, _: &mut Context<'_>, output: &mut Vec<u8>) -> Poll<()> {
            output.extend_from_slice(b"outbound ");
            Poll::Ready(())
        }

        fn end(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Never has a message. It counts what it receives.
    struct Idle(Arc<AtomicUsize>);

    impl Session for Idle {
        fn receive(&mut self, _: Bytes) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn poll_message(&mut self, _: &mut Context<'_>, _: &mut Vec<u8>) -> Poll<SessionEvent> {
            Poll::Pending
        }

        fn drain(&mut self) {}
    }

    fn join(session: impl Session) -> (Peer, Box<dyn Session>) {
        let peer = Peer::new(SessionProtocol::RpcV1);
        let session = PeerSession::join(&RequestContext::default().with_peer(peer.clone()), Box::new(session));
        (peer, session)
    }

    #[test]
    fn neither_side_delays_the_messages_of_the_other_one() {
        let (peer, mut session) = join(Endless::default());
        let (mut cx, mut output) = (Context::from_waker(Waker::noop()), Vec::new());
        assert!(session.poll_message(&mut cx, &mut output).is_ready());
        peer.outbound_or_init(|| Arc::new(Endless::default()));
        for _ in 0..4 {
            assert_eq!(session.poll_message(&mut cx, &mut output), Poll::Ready(SessionEvent::Message));
        }
        assert_eq!(String::from_utf8(output).unwrap(), "session outbound session outbound session ");
    }

    #[test]
    fn the_session_gets_what_answers_no_call_of_this_side() {
        let received = Arc::new(AtomicUsize::new(0));
        let (peer, mut session) = join(Idle(Arc::clone(&received)));
        session.receive("answer".into());
        peer.outbound_or_init(|| Arc::new(Endless::default()));
        for message in ["answer", "call", "answer"] {
            session.receive(message.into());
        }
        assert_eq!(received.load(Ordering::Relaxed), 2);
    }

    #[derive(Default)]
    struct Counted(AtomicUsize);

    impl Wake for Counted {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn the_first_call_of_this_side_wakes_an_idle_session() {
        let (peer, mut session) = join(Idle(Arc::default()));
        let woken = Arc::new(Counted::default());
        let waker = Waker::from(Arc::clone(&woken));
        assert!(session.poll_message(&mut Context::from_waker(&waker), &mut Vec::new()).is_pending());
        peer.outbound_or_init(|| Arc::new(Endless::default()));
        assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    }

    #[test]
    fn the_end_of_a_session_ends_the_calls_of_its_peer() {
        let (peer, session) = join(Idle(Arc::default()));
        let outbound = Arc::new(Endless::default());
        peer.outbound_or_init(|| Arc::clone(&outbound) as _);
        drop(session);
        assert!(peer.has_ended());
        assert_eq!(outbound.0.load(Ordering::Relaxed), 1);
    }
}
