//! Serves one connection of messages without HTTP to its end, and tells `connections` what goes on at it.

use std::sync::Arc;

use http::{Extensions, HeaderMap};
use rpc_core::{Peer, RequestContext};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::pace::CountedStream;
use super::state::{ConnectionOrder, ConnectionState};
use super::stream::ConnectionStream;
use crate::framed::{self, Activity, ConnectionWatch, MessageSettings, OpenedStream};
use crate::http::{ConnectionInfo, HttpState};
use crate::load::Disconnect;
use crate::meter::Gauge;

/// Returns what is known of the peer of a connection, for the requests that come over it.
pub(super) fn context_of(
    stream: &ConnectionStream,
    (settings, connection): (MessageSettings, ConnectionInfo),
) -> Arc<RequestContext> {
    let mut extensions = Extensions::new();
    if let Some(credentials) = stream.credentials() {
        extensions.insert(credentials);
    }
    let context = RequestContext::new(HeaderMap::new(), connection.peer_addr, extensions);
    Arc::new(context.with_clock(|| Instant::now().into_std()).with_peer(Peer::new(settings.protocol)))
}

/// Serves one connection of messages to its end.
pub(super) async fn serve<S>(http_state: Arc<HttpState>, state: &Arc<ConnectionState>, opened: OpenedStream<S>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let _counted = http_state.meter.raise(Gauge::Connections);
    let load = http_state.budget.connect(Arc::clone(state) as Arc<dyn Disconnect>);
    let OpenedStream { stream, settings, context } = opened;
    let opened = OpenedStream { stream: CountedStream::new(stream, &load.0), settings, context };
    state.unless_cut(framed::run(http_state, Arc::clone(&load.0), opened, &**state)).await;
}

/// Serves an accepted connection of messages to its end.
pub(super) async fn serve_accepted(
    http_state: Arc<HttpState>,
    state: &Arc<ConnectionState>,
    stream: ConnectionStream,
    (settings, connection): (MessageSettings, ConnectionInfo),
) {
    let context = context_of(&stream, (settings, connection));
    serve(http_state, state, OpenedStream { stream, settings, context }).await;
}

/// What runs on a connection counts as one request. So the connection is not closed to make room for others meanwhile.
impl ConnectionWatch for &ConnectionState {
    fn must_end(&self) -> bool {
        self.order() > ConnectionOrder::GoOn
    }

    fn note(&self, activity: Activity) {
        match (activity, self.is_answered()) {
            (Activity::Runs, true) => {
                self.begin();
                self.receive();
            }
            (Activity::Runs, false) => {}
            (Activity::Rests | Activity::Arrives, false) => {
                self.end();
                self.note_phase(activity);
            }
            (Activity::Rests, true) if self.is_resting() => {}
            (Activity::Arrives, true) if self.is_arriving() => {}
            (Activity::Rests | Activity::Arrives, true) => self.note_phase(activity),
        }
    }
}

impl ConnectionState {
    fn note_phase(&self, activity: Activity) {
        match activity {
            Activity::Rests => self.rests(Instant::now()),
            Activity::Arrives => self.arrives(Instant::now()),
            Activity::Runs => self.is_busy(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Activity, ConnectionWatch};
    use crate::serve::state::ConnectionState;

    #[test]
    fn connection_is_answered_while_nothing_runs_on_it() {
        let state = ConnectionState::new(Default::default());
        let noted =
            [Activity::Rests, Activity::Runs, Activity::Runs, Activity::Arrives, Activity::Runs, Activity::Rests];
        let seen = noted.map(|activity| {
            (&state).note(activity);
            (state.is_answered(), state.is_resting(), state.is_arriving())
        });
        let (rests, runs, arrives) = ((true, true, false), (false, false, false), (true, false, true));
        assert_eq!(seen, [rests, runs, runs, arrives, runs, rests]);
        assert_eq!(state.begun(), 2);
    }
}
