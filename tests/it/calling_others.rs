//! Calls that handlers make, and the time that they have.

use std::sync::Arc;
use std::time::Duration;

use rpc::{Client, Context, Error, Failure, MethodSpec, Outcome, RequestContext, Server};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

/// Returns a client of a server with a method that returns how many milliseconds its caller still waits. The channel
/// receives the same number for notifications.
fn behind() -> (Client, mpsc::UnboundedReceiver<u64>) {
    let (told, tells) = mpsc::unbounded_channel();
    let left = |cx: Context| async move { cx.remaining().unwrap().as_millis() as u64 };
    let note = move |cx: Context| {
        told.send(cx.remaining().unwrap().as_millis() as u64).unwrap();
        async {}
    };
    let server = Server::builder().method("left", left).method("note", note).build();
    (Client::builder().in_process(&server).deadline(Duration::from_secs(60)).build().unwrap(), tells)
}

/// Makes calls one second after a handler has begun, and returns their results.
macro_rules! in_handler {
    (|$cx:ident, $client:ident| $calls:expr) => {{
        let ($client, _tells) = behind();
        let handler = move |$cx: Context| {
            let $client = $client.clone();
            async move {
                sleep(Duration::from_secs(1)).await;
                $calls
            }
        };
        Client::in_process(&Server::builder().method("front", handler).build())
    }};
}

async fn front<T: serde::de::DeserializeOwned>(client: &Client, deadline: Duration) -> T {
    client.call("front", ()).deadline(deadline).await.unwrap()
}

const FIVE: Duration = Duration::from_secs(5);

#[tokio::test(start_paused = true)]
async fn a_handler_that_may_have_effects_gives_its_calls_its_callers_time_where_it_says_so() {
    let client = in_handler!(|cx, behind| {
        let plain: u64 = behind.call("left", ()).await.unwrap();
        let bound: u64 = behind.call("left", ()).deadline_from(&cx).await.unwrap();
        let shorter = behind.call("left", ()).deadline(Duration::from_secs(2)).deadline_from(&cx);
        let longer = behind.call("left", ()).deadline_from(&cx).deadline(Duration::from_secs(9));
        [plain, bound, shorter.await.unwrap(), longer.await.unwrap()]
    });
    // The plain call has the rest of the server's own limit.
    assert_eq!(front::<[u64; 4]>(&client, FIVE).await, [29_000, 4000, 2000, 4000]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_and_its_calls_take_the_callers_time() {
    let client = in_handler!(|cx, behind| {
        let left = |secs| behind.call::<u64>("left", ()).deadline(Duration::from_secs(secs));
        let [alone] = behind.batch([left(20)]).deadline_from(&cx).await.unwrap();
        let [own] = behind.batch([left(20)]).deadline(Duration::from_secs(10)).deadline_from(&cx).await.unwrap();
        let [entry] = behind.batch([left(20).deadline_from(&cx)]).await.unwrap();
        let [shorter] = behind.batch([left(2)]).deadline_from(&cx).await.unwrap();
        [alone.unwrap(), own.unwrap(), entry.unwrap(), shorter.unwrap()]
    });
    assert_eq!(front::<[u64; 4]>(&client, FIVE).await, [4000, 4000, 4000, 2000]);
}

#[tokio::test(start_paused = true)]
async fn a_notification_takes_the_callers_time() {
    let (behind, mut tells) = behind();
    let now = || Instant::now().into_std();
    let request = RequestContext::default().with_clock(now).with_deadline(now() + FIVE);
    let cx = Context::new(MethodSpec::new("front"), None, Arc::new(request));
    sleep(Duration::from_secs(1)).await;
    behind.notify("note", ()).deadline_from(&cx).await.unwrap();
    assert_eq!(tells.recv().await, Some(4000));
}

#[tokio::test(start_paused = true)]
async fn a_call_keeps_its_own_time_where_the_caller_has_set_none() {
    let (behind, _tells) = behind();
    let cx = Context::new(MethodSpec::new("front"), None, RequestContext::default());
    assert_eq!(behind.call::<u64>("left", ()).deadline_from(&cx).await.unwrap(), 60_000);
}

#[tokio::test(start_paused = true)]
async fn a_call_is_not_sent_once_the_callers_time_is_over() {
    let (behind, mut tells) = behind();
    let (ends, mut ended) = mpsc::unbounded_channel();
    let handler = move |cx: Context| {
        let (behind, ends) = (behind.clone(), ends.clone());
        async move {
            sleep(Duration::from_secs(10)).await;
            let call = behind.call::<u64>("left", ()).deadline_from(&cx).await.unwrap_err();
            let note = behind.notify("note", ()).deadline_from(&cx).await.unwrap_err();
            let batch = behind.batch([behind.call::<u64>("left", ())]).deadline_from(&cx).await.unwrap_err();
            ends.send((call, note, batch)).unwrap();
        }
    };
    let client = Client::in_process(&Server::builder().method("front", handler).build());
    client.call::<()>("front", ()).deadline(FIVE).await.unwrap_err();
    let (call, note, batch) = ended.recv().await.unwrap();
    let Error::Failure(call) = call else { panic!("{call:?}") };
    let is_over = |failure: &Failure| failure.is_timeout() && failure.outcome() == Outcome::NotSent;
    assert!(is_over(&call) && is_over(&note) && is_over(&batch), "{call:?} {note:?} {batch:?}");
    assert_eq!(call.to_string(), "no time was left to send the call");
    assert!(tells.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn what_a_handler_spawns_inherits_its_time_within_its_scope_alone() {
    let client = in_handler!(|cx, behind| {
        let left = || behind.call::<u64>("left", ()).into_future();
        let bare = tokio::spawn(left()).await.unwrap().unwrap();
        let scoped = tokio::spawn(cx.scope(left())).await.unwrap().unwrap();
        let (joined, in_task) = tokio::join!(left(), async { tokio::spawn(cx.scope(left())).await.unwrap() });
        [bare, scoped, joined.unwrap(), in_task.unwrap()]
    });
    assert_eq!(front::<[u64; 4]>(&client, FIVE).await, [60_000, 29_000, 29_000, 29_000]);
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_scope_goes_on_when_its_handler_has_ended() {
    let (behind, _tells) = behind();
    let (ends, mut ended) = mpsc::unbounded_channel();
    let handler = move |cx: Context| {
        let (behind, ends) = (behind.clone(), ends.clone());
        // In the first poll of a handler, its time has only just begun.
        tokio::spawn(cx.scope(async move {
            sleep(Duration::from_secs(3)).await;
            ends.send(behind.call::<u64>("left", ()).await.unwrap()).unwrap();
        }));
        async {}
    };
    let client = Client::in_process(&Server::builder().method("front", handler).build());
    client.call::<()>("front", ()).await.unwrap();
    assert_eq!(ended.recv().await, Some(27_000));
}

#[rpc::service]
trait Reads {
    #[rpc(readonly)]
    async fn front(&self, #[rpc(context)] cx: &Context) -> u64;
}

struct Reader(Client);

impl Reads for Reader {
    async fn front(&self, cx: &Context) -> u64 {
        sleep(Duration::from_secs(1)).await;
        tokio::spawn(cx.scope(self.0.call("left", ()).into_future())).await.unwrap().unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn the_scope_of_a_readonly_handler_has_its_callers_time() {
    let (behind, _tells) = behind();
    let server = Server::builder().service(ReadsServer::new(Reader(behind))).build();
    let reads = ReadsClient::new(Client::in_process(&server));
    assert_eq!(reads.front().deadline(FIVE).await.unwrap(), 4000);
}

/// A handler derives the same key for its call each time its own call is repeated.
#[tokio::test]
async fn a_repeated_handler_repeats_its_call_under_the_same_key() {
    let (keys, mut seen) = mpsc::unbounded_channel();
    let behind = Server::builder()
        .method("charge", move |cx: Context| {
            keys.send(cx.idempotency_key().unwrap()).unwrap();
            async { 7 }
        })
        .build();
    let bank = Client::in_process(&behind);
    let key = uuid::Uuid::now_v7();
    let mut charged = Vec::new();
    for _ in 0..2 {
        let cx = Context::new(MethodSpec::new("order"), None, RequestContext::default()).with_idempotency_key(key);
        let mut charge = bank.call::<u8>("charge", ());
        if let Some(key) = cx.derive_key("charge") {
            charge = charge.idempotency_key(key);
        }
        charged.push(charge.await.unwrap());
    }
    assert_eq!(charged, [7, 7]);
    assert!(seen.try_recv().is_ok());
    assert!(seen.try_recv().is_err(), "the charge has run once");
}
