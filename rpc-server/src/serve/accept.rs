//! Accepts connections and decides which waiting one is admitted first: the one from the address that holds fewest.
//! When the server is full, [`Acceptor`] asks `connections` to close others. It survives errors such as too few file
//! descriptors.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::connections::{ConnectionSlot, Connections};
use super::incoming::{AnyListener, IncomingConnection, is_of_one_connection};
use super::peer::PeerKey;
use super::stream::ConnectionStream;
use crate::meter::{Gauge, RaisedGauge};

/// How long to wait after an error that concerns more than one connection.
const PAUSE: Duration = Duration::from_millis(100);

/// How many accepted connections may wait for room. Beyond that, connections from the addresses that hold most are
/// closed.
///
/// The system's queue has one order for all addresses. A connection that waited there would delay later ones, even
/// where there is room for them.
const MAX_WAITING: usize = 256;

/// How long to wait before trying again to make room for the same address.
const RETRY: Duration = Duration::from_millis(250);

/// A connection for which there is room.
pub(super) struct AcceptedConnection {
    pub(super) stream: ConnectionStream,
    pub(super) peer_addr: Option<SocketAddr>,
    pub(super) admitted: ConnectionSlot,
}

/// Accepts the connections of one server at one address.
pub(super) struct Acceptor {
    source: AnyListener,
    /// Accepted connections for which there is no room yet, in order.
    waiting: Vec<IncomingConnection>,
    /// The peer for which other connections were last closed, and when.
    asked: Option<(PeerKey, Instant)>,
    /// The gauge that is raised while connections wait.
    raised: Option<RaisedGauge>,
}

impl Acceptor {
    pub(super) fn new(source: AnyListener) -> Self {
        Self { source, waiting: Vec::new(), asked: None, raised: None }
    }

    /// Accepts connections until there is room for one.
    ///
    /// Of the waiting connections, it admits the first from the address that holds the fewest.
    ///
    /// # Cancel safety
    ///
    /// Waiting connections are kept if the future is dropped.
    pub(super) async fn next(&mut self, connections: &Arc<Connections>) -> AcceptedConnection {
        loop {
            let mut one_left = pin!(connections.one_left());
            let Some(place) = self.first(connections) else {
                self.accept(connections).await;
                continue;
            };
            // Enabled before looking for room, so that no departure is missed.
            one_left.as_mut().enable();
            if let Some(accepted) = self.admit(place, connections) {
                return accepted;
            }
            self.make_room(place, connections);
            tokio::select! {
                biased;
                () = self.accept(connections) => {}
                () = one_left => {}
                () = sleep(RETRY) => {}
            }
        }
    }

    /// Returns the index of the connection to admit first.
    fn first(&self, connections: &Connections) -> Option<usize> {
        match self.waiting.len() {
            0 => None,
            1 => Some(0),
            _ => connections
                .held(self.peers())
                .into_iter()
                .enumerate()
                .min_by_key(|(_, held)| *held)
                .map(|(place, _)| place),
        }
    }

    fn peers(&self) -> impl Iterator<Item = PeerKey> {
        self.waiting.iter().map(|(_, peer_addr)| PeerKey::of_peer(*peer_addr))
    }

    /// Admits a waiting connection if there is room for it.
    fn admit(&mut self, place: usize, connections: &Arc<Connections>) -> Option<AcceptedConnection> {
        let admitted = connections.enter(PeerKey::of_peer(self.waiting[place].1))?;
        let (stream, peer_addr) = self.waiting.remove(place);
        self.asked = None;
        if self.waiting.is_empty() {
            self.raised = None;
        }
        Some(AcceptedConnection { stream, peer_addr, admitted })
    }

    /// Closes other connections for a waiting one, unless that was just done for the same peer.
    fn make_room(&mut self, place: usize, connections: &Connections) {
        self.raised.get_or_insert_with(|| connections.meter.raise(Gauge::AcceptWaiting));
        let peer = PeerKey::of_peer(self.waiting[place].1);
        let is_asked = self.asked.is_some_and(|(asked, at)| asked == peer && at.elapsed() < RETRY);
        if !is_asked {
            connections.make_room(peer);
            self.asked = Some((peer, Instant::now()));
        }
    }

    /// Accepts the next connection and appends it to the waiting ones.
    async fn accept(&mut self, connections: &Connections) {
        match self.source.accept().await {
            Ok(accepted) => self.waiting.push(accepted),
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(%error, "cannot accept connections, trying again in a moment");
                connections.meter.accept_failed();
                // Most likely the process is out of file descriptors. Ending connections free some, so an immediate
                // retry would only spin.
                connections.evict(None);
                sleep(PAUSE).await;
            }
        }
        if self.waiting.len() > MAX_WAITING {
            let held = connections.held(self.peers());
            let last = held.into_iter().enumerate().max_by_key(|(_, held)| *held);
            last.map(|(place, _)| self.waiting.remove(place));
        }
    }

    /// Stops listening, and returns the waiting connections and those in the system's queue, at most `BACKLOG` from the
    /// latter.
    ///
    /// Their peers see them as accepted and may have sent requests already, which would be lost. A connection made
    /// between the last accept and the close of the socket is lost, unless another holder keeps the socket open.
    pub(super) async fn close(self, connections: &Arc<Connections>) -> Vec<AcceptedConnection> {
        let Self { source, waiting: mut accepted, .. } = self;
        accepted.extend(source.close().await);
        let admit = |(stream, peer_addr): IncomingConnection| {
            let admitted = connections.admit_beyond(PeerKey::of_peer(peer_addr));
            AcceptedConnection { stream, peer_addr, admitted }
        };
        accepted.into_iter().map(admit).collect()
    }
}
