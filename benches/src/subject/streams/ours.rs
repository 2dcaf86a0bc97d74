//! Our server with a stream. It also publishes events to all subscribers of another stream.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::{Stream, stream};
use rpc::{ErrorObject, Limits, Server, Shared, WebSocketSettings};
use serde::{Deserialize, Serialize, Serializer};
use tokio::sync::broadcast;

use crate::Result;
use crate::subject::host::announce;
use crate::workload::{self, Pace, TICK, User};

/// How many events a subscriber may be late.
const LATE: usize = 16;

/// How an event is published to its subscribers.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Audience {
    /// As [`Shared`], which is serialized once.
    Shared,
    /// As a value, which is serialized for each subscriber.
    Each,
}

/// How often an [`Event`] was serialized.
static SERIALIZED: AtomicU64 = AtomicU64::new(0);

/// What is published: some users. It counts how often it is serialized.
#[derive(Clone)]
struct Event(Arc<[User]>);

impl Serialize for Event {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        SERIALIZED.fetch_add(1, Ordering::Relaxed);
        self.0.serialize(serializer)
    }
}

/// An event as its subscribers get it.
#[derive(Clone, Serialize)]
#[serde(untagged)]
enum Published {
    Shared(Shared<Event>),
    Each(Event),
}

pub(super) async fn serve() -> Result<()> {
    let bound = server().bind("127.0.0.1:0").await?;
    announce(bound.local_addr());
    bound.serve_until(std::future::pending()).await;
    Ok(())
}

fn server() -> Server {
    let events = broadcast::Sender::new(LATE);
    let source = events.clone();
    // The one limit that a measurement must raise: each subscriber has a connection of its own.
    let limits = Limits::default().max_connections(20_000);
    Server::builder()
        .stream(TICK, |(pace, count): (Pace, u64)| async move { pace.ticks(count) })
        .stream("events", move || {
            let events = events_of(source.subscribe());
            async { events }
        })
        .try_method("publish", move |(audience, users): (Audience, u64)| {
            let events = events.clone();
            async move {
                let event = Event(workload::page(0, users).await.into());
                let published = match audience {
                    Audience::Each => Published::Each(event),
                    Audience::Shared => Published::Shared(Shared::new(&event).map_err(|error| failed(&error))?),
                };
                events.send(published).map_err(|error| failed(&error))
            }
        })
        .method("serialized", || async { SERIALIZED.load(Ordering::Relaxed) })
        .limits(limits)
        .websocket(WebSocketSettings::default())
        .build()
}

/// Returns the events that are published from now on.
fn events_of(source: broadcast::Receiver<Published>) -> impl Stream<Item = Published> + Send {
    stream::unfold(source, |mut source| async move {
        let event = source.recv().await.ok()?;
        Some((event, source))
    })
}

fn failed(error: &dyn fmt::Display) -> ErrorObject {
    ErrorObject::new(1, error.to_string())
}
