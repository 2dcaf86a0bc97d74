//! What the server tells `tracing` of TLS, on the thread of a test.

use std::fmt::Debug;

use support::raw_http::PATIENCE;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// Receives the messages, for as long as it lives.
pub(super) struct Log {
    messages: UnboundedReceiver<(Level, String)>,
    _guard: DefaultGuard,
}

impl Log {
    /// Begins to listen on this thread, on which a test's tasks run as well.
    pub(super) fn begin() -> Self {
        let (sender, messages) = unbounded_channel();
        let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(Sender(sender)));
        Self { messages, _guard: guard }
    }

    /// Waits until this is told. What was told before is passed over.
    pub(super) async fn says(&mut self, level: Level, message: &str) {
        let said = async { while self.messages.recv().await.unwrap() != (level, message.to_owned()) {} };
        timeout(PATIENCE, said).await.unwrap_or_else(|_| panic!("{message:?} was not told"));
    }
}

struct Sender(UnboundedSender<(Level, String)>);

impl<S: Subscriber> Layer<S> for Sender {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target().starts_with("rpc_server") {
            let mut message = Message::default();
            event.record(&mut message);
            // The test may be over.
            let _ = self.0.send((*event.metadata().level(), message.0));
        }
    }
}

#[derive(Default)]
struct Message(String);

impl Visit for Message {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0 = format!("{value:?}");
        }
    }
}
