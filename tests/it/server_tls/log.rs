//! The server's `tracing` messages about TLS, on the thread of a test.

use std::fmt::Debug;

use support::raw_http::TEST_TIMEOUT;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::timeout;
use tracing::field::{Field, Visit};
use tracing::subscriber::DefaultGuard;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// Receives the messages until it is dropped.
pub(super) struct Log {
    messages: UnboundedReceiver<(Level, String)>,
    _guard: DefaultGuard,
}

impl Log {
    /// Begins to listen on this thread, which also runs the tasks of a test.
    pub(super) fn begin() -> Self {
        let (sender, messages) = unbounded_channel();
        let guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(Sender(sender)));
        Self { messages, _guard: guard }
    }

    /// Waits for this message. Skips earlier ones.
    pub(super) async fn says(&mut self, level: Level, message: &str) {
        let said = async { while self.messages.recv().await.unwrap() != (level, message.to_owned()) {} };
        timeout(TEST_TIMEOUT, said).await.unwrap_or_else(|_| panic!("{message:?} was not told"));
    }
}

struct Sender(UnboundedSender<(Level, String)>);

impl<S: Subscriber> Layer<S> for Sender {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target().starts_with("rpc_server") {
            let mut message = Message::default();
            event.record(&mut message);
            // The test may have ended.
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
