//! When the handler's stream stops: with its client, over each transport.

use futures_util::{Stream, StreamExt, stream};
use rpc::{Context, Server};
use support::raw_http::TEST_TIMEOUT;
use support::{clients_of, over_http, serve_app};
use tokio::sync::mpsc;
use tokio::time::timeout;

#[rpc::service(namespace = "feed")]
trait Feed {
    #[rpc(stream)]
    fn waits(&self, #[rpc(context)] cx: &Context) -> impl Stream<Item = u64> + Send;

    /// Runs on a task of its own.
    #[rpc(stream, lag = "latest")]
    fn runs(&self, #[rpc(context)] cx: &Context) -> impl Stream<Item = u64> + Send;
}

/// Tells when its stream is dropped, and when its caller has left.
struct Watched(mpsc::UnboundedSender<&'static str>);

struct WhenDropped(mpsc::UnboundedSender<&'static str>);

impl Drop for WhenDropped {
    fn drop(&mut self) {
        let _ = self.0.send("dropped");
    }
}

impl Watched {
    fn stream(&self, cx: &Context) -> impl Stream<Item = u64> + Send + use<> {
        let (told, dropped, cx) = (self.0.clone(), WhenDropped(self.0.clone()), cx.clone());
        tokio::spawn(async move {
            cx.cancelled().await;
            let _ = told.send("cancelled");
        });
        stream::iter([1]).chain(stream::once(async move {
            let _dropped = dropped;
            std::future::pending().await
        }))
    }
}

impl Feed for Watched {
    fn waits(&self, cx: &Context) -> impl Stream<Item = u64> + Send {
        self.stream(cx)
    }

    fn runs(&self, cx: &Context) -> impl Stream<Item = u64> + Send {
        self.stream(cx)
    }
}

#[tokio::test]
async fn dropping_the_clients_stream_stops_the_handlers() {
    let (events, mut told) = mpsc::unbounded_channel();
    let server = Server::builder().service(FeedServer::new(Watched(events))).build();
    let app = over_http(&format!("http://{}/", serve_app(server.clone().into_router()).await));
    for (way, client) in clients_of(&server).await.into_iter().chain(app) {
        let client = FeedClient::new(client);
        for (runs, reads) in [(false, false), (false, true), (true, false), (true, true)] {
            let call = if runs { client.runs() } else { client.waits() };
            let mut items = timeout(TEST_TIMEOUT, call.into_future()).await.unwrap().unwrap();
            if reads {
                assert_eq!(items.next().await.unwrap().unwrap(), 1, "{way}");
                // A dropped future of the next item loses nothing and stops nothing.
                let mut next = Box::pin(items.next());
                assert!(futures_util::poll!(&mut next).is_pending(), "{way}");
            }
            assert!(told.is_empty(), "{way}");
            drop(items);
            let mut stopped = Vec::new();
            for _ in 0..2 {
                let event = timeout(TEST_TIMEOUT, told.recv()).await;
                stopped.push(event.unwrap_or_else(|_| panic!("{way}, {runs}, {reads}: only {stopped:?}")).unwrap());
            }
            stopped.sort_unstable();
            assert_eq!(stopped, ["cancelled", "dropped"], "{way}");
        }
    }
}

#[tokio::test]
async fn clients_call_that_is_dropped_before_its_acceptance_stops_the_handler() {
    let (events, mut told) = mpsc::unbounded_channel();
    let server = Server::builder()
        .stream("late", move || {
            let events = events.clone();
            async move {
                events.send("begun").unwrap();
                let _dropped = WhenDropped(events);
                std::future::pending::<()>().await;
                stream::iter([1])
            }
        })
        .build();
    for (way, client) in clients_of(&server).await {
        let mut call = Box::pin(client.stream::<u64>("late", ()).into_future());
        let event = tokio::select! {
            _ = &mut call => panic!("{way}: it is never accepted"),
            event = told.recv() => event.unwrap(),
        };
        assert_eq!(event, "begun", "{way}");
        drop(call);
        assert_eq!(timeout(TEST_TIMEOUT, told.recv()).await.expect(way).unwrap(), "dropped", "{way}");
    }
}
