//! When the client reads a source of endpoints again.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::stream::{self, BoxStream};
use futures_util::{Stream, StreamExt};
use tokio::time::Instant;

use super::fake::{Fake, Service};
use super::{call, millis};
use crate::middleware::BoxError;
use crate::{Client, Discover, Endpoint};

/// A source whose first two streams fail. The third one has a set.
struct Failing {
    fail: fn() -> BoxStream<'static, Result<Vec<Endpoint>, BoxError>>,
    readers: Arc<AtomicU32>,
    endpoint: Endpoint,
}

impl Discover for Failing {
    fn watch(&self) -> impl Stream<Item = Result<Vec<Endpoint>, BoxError>> + Send {
        if self.readers.fetch_add(1, Ordering::Relaxed) < 2 {
            return (self.fail)();
        }
        stream::iter([Ok(vec![self.endpoint.clone()])]).boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn source_that_fails_before_its_first_set_is_read_again_while_a_call_waits() {
    let fails: [fn() -> _; 3] = [
        || stream::iter([Err("registry is down".into())]).boxed(),
        || stream::once(async { panic!("of the stream") }).boxed(),
        || panic!("of the source"),
    ];
    for fail in fails {
        let (server, readers, start) = (Fake::new(Service::Runs(|_| millis(0))), Arc::default(), Instant::now());
        let source = Failing { fail, readers: Arc::clone(&readers), endpoint: server.endpoint() };
        let client = Client::builder().discover(source).build().unwrap();
        call(&client, 1, 1, || "work").await;
        assert_eq!(start.elapsed().as_secs(), 2, "the client pauses before each further reader");
        tokio::time::sleep(Duration::from_secs(10)).await;
        assert!(client.discovery().unwrap().has_ended());
        assert_eq!((server.attempts(), readers.load(Ordering::Relaxed)), (1, 3));
    }
}
