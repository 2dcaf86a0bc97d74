//! What clients are told between the items and at the end: gaps, lag, items of another type, errors, panics.

use futures_util::{Stream, StreamExt, stream};
use rpc::{After, At, ErrorKind, ErrorObject, Limits, RpcError, Server, StreamError};
use serde_json::{Value, json};
use support::raw_http::TEST_TIMEOUT;
use support::{client_of, clients_of};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;

#[derive(Clone, Debug, PartialEq, thiserror::Error, RpcError)]
enum JournalError {
    #[error("entry {at} is damaged")]
    #[rpc(code = 21)]
    Damaged { at: u64 },
}

#[rpc::service(namespace = "journal")]
trait Journal {
    #[rpc(stream, resume)]
    fn pruned(&self, after: After<u64>) -> impl Stream<Item = At<u64, u64>> + Send;

    #[rpc(stream)]
    fn damaged(&self) -> impl Stream<Item = Result<u64, JournalError>> + Send;

    #[rpc(stream, lag = "drop_oldest(3)")]
    fn dropping(&self) -> impl Stream<Item = u64> + Send;

    #[rpc(stream, lag = "end")]
    fn ending(&self) -> impl Stream<Item = u64> + Send;

    #[rpc(stream, lag = "latest")]
    fn panicking(&self) -> impl Stream<Item = u64> + Send;
}

/// Drops all entries up to 10.
struct Pruned {
    /// How many items streams that never wait have produced.
    produced: watch::Sender<u64>,
}

impl Pruned {
    /// Produces items as fast as it can, and then has no more for ever.
    fn flood(&self, count: u64) -> impl Stream<Item = u64> + Send + use<> {
        let produced = self.produced.clone();
        let items = stream::iter(1..=count).map(move |number| {
            produced.send_replace(number);
            number
        });
        items.chain(stream::pending())
    }
}

impl Journal for Pruned {
    fn pruned(&self, after: After<u64>) -> impl Stream<Item = At<u64, u64>> + Send {
        let first = after.cursor().map_or(1, |last| last + 1);
        stream::iter(first.max(11)..=12).map(move |number| {
            let item = At::new(number, number);
            if number == 11 && first < 11 { item.after_gap() } else { item }
        })
    }

    fn damaged(&self) -> impl Stream<Item = Result<u64, JournalError>> + Send {
        stream::iter([Ok(1), Err(JournalError::Damaged { at: 2 }), Ok(3)])
    }

    fn dropping(&self) -> impl Stream<Item = u64> + Send {
        self.flood(100)
    }

    fn ending(&self) -> impl Stream<Item = u64> + Send {
        self.flood(5000)
    }

    fn panicking(&self) -> impl Stream<Item = u64> + Send {
        stream::iter(1..).map(|number| if number == 3 { panic!("as told") } else { number })
    }
}

fn journal() -> (Server, watch::Receiver<u64>) {
    let (produced, seen) = watch::channel(0);
    (Server::builder().service(JournalServer::new(Pruned { produced })).build(), seen)
}

async fn next<T, E>(
    stream: &mut (impl Stream<Item = Result<T, StreamError<E>>> + Unpin),
) -> Option<Result<T, StreamError<E>>> {
    timeout(TEST_TIMEOUT, stream.next()).await.expect("the stream does not hang")
}

#[tokio::test]
async fn gap_of_the_server_is_told_before_its_item() {
    let (server, _) = journal();
    for (way, client) in clients_of(&server).await {
        let client = JournalClient::new(client);
        let mut entries = client.pruned().after(5).await.unwrap();
        let gap = next(&mut entries).await.unwrap().unwrap_err();
        assert!(gap.is_gap() && !gap.is_end() && !gap.is_cut(), "{way}");
        // The client has not got the item yet.
        assert_eq!(entries.cursor(), Some(5), "{way}");
        assert_eq!(next(&mut entries).await.unwrap().unwrap(), 11, "{way}");
        assert_eq!(next(&mut entries).await.unwrap().unwrap(), 12, "{way}");
        assert!(next(&mut entries).await.is_none(), "{way}");
        let mut entries = client.pruned().after(10).await.unwrap();
        assert_eq!(next(&mut entries).await.unwrap().unwrap(), 11, "{way}");
    }
}

#[tokio::test]
async fn lag_is_told_with_its_number_of_items() {
    let (server, mut produced) = journal();
    for (way, client) in clients_of(&server).await {
        produced.borrow_and_update();
        let mut entries = JournalClient::new(client).dropping().await.unwrap();
        let (mut got, mut lost, mut last) = (0, 0, 0);
        while last < 100 {
            match next(&mut entries).await.unwrap() {
                Ok(number) => (got, last) = (got + 1, number),
                Err(error) => {
                    assert!(error.is_lagged(), "{way}");
                    lost += error.lagged_items().unwrap();
                    let told = format!("the server has dropped {} items", error.lagged_items().unwrap());
                    assert!(error.to_string().starts_with(&told) || error.lagged_items() == Some(1), "{way}: {error}");
                }
            }
        }
        assert_eq!(got + lost, 100, "{way}");
    }
}

#[tokio::test]
async fn stream_that_ends_when_it_lags_tells_so() {
    let (server, mut produced) = journal();
    // Only in process is it certain that no one reads meanwhile.
    let client = JournalClient::new(rpc::Client::in_process(&server));
    let mut entries = client.ending().await.unwrap();
    timeout(TEST_TIMEOUT, produced.wait_for(|produced| *produced > 1024)).await.expect("it does not wait").unwrap();
    let mut last = 0;
    let end = loop {
        match next(&mut entries).await.unwrap() {
            Ok(number) => {
                assert_eq!(number, last + 1);
                last = number;
            }
            Err(error) => break error,
        }
    };
    assert!(end.is_end() && last <= 1024, "{end:?} after {last}");
    let error = end.error_object().unwrap();
    assert_eq!(error.code().get(), -32089);
    assert_eq!(error.data().unwrap().get(), r#"{"reason":"lagged"}"#);
    assert!(next(&mut entries).await.is_none());
}

#[tokio::test]
async fn declared_error_ends_a_stream_and_an_unknown_one_too() {
    let (server, _) = journal();
    for (way, client) in clients_of(&server).await {
        let mut entries = JournalClient::new(client.clone()).damaged().await.unwrap();
        assert_eq!(next(&mut entries).await.unwrap().unwrap(), 1, "{way}");
        let end = next(&mut entries).await.unwrap().unwrap_err();
        assert!(end.is_end(), "{way}");
        assert_eq!(end.method(), Some(&JournalError::Damaged { at: 2 }), "{way}");
        assert!(next(&mut entries).await.is_none(), "{way}");
        // A client that does not know the code.
        let mut entries = client.stream::<u64>("journal.damaged", ()).await.unwrap();
        assert_eq!(next(&mut entries).await.unwrap().unwrap(), 1, "{way}");
        let end = next(&mut entries).await.unwrap().unwrap_err();
        assert_eq!(end.error().unwrap().kind(), ErrorKind::Method, "{way}");
        let error = end.error_object().unwrap();
        assert_eq!((error.code().get(), error.message()), (21, "entry 2 is damaged"), "{way}");
        assert!(next(&mut entries).await.is_none(), "{way}");
    }
}

#[tokio::test]
async fn panic_ends_a_stream_with_an_internal_error_wherever_it_runs() {
    let (server, _) = journal();
    for (way, client) in clients_of(&server).await {
        let mut entries = JournalClient::new(client).panicking().await.unwrap();
        let mut items = Vec::new();
        let end = loop {
            match next(&mut entries).await.unwrap() {
                Ok(number) => items.push(number),
                Err(error) if error.is_lagged() => {}
                Err(error) => break error,
            }
        };
        assert!(items.len() <= 2 && end.is_end(), "{way}: {items:?} {end:?}");
        assert_eq!(end.error_object().unwrap().code().get(), -32603, "{way}");
        assert!(next(&mut entries).await.is_none(), "{way}");
    }
}

#[tokio::test]
async fn stream_goes_on_behind_an_item_of_another_type() {
    let items = || async { stream::iter([json!(1), json!("two"), json!(-3), json!(null), json!(5)]) };
    let server = Server::builder().stream("mixed", items).build();
    for (way, client) in clients_of(&server).await {
        let mut items = client.stream::<u64>("mixed", ()).await.unwrap();
        let mut read = Vec::new();
        while let Some(item) = next(&mut items).await {
            read.push(item.map_err(|error| {
                assert!(error.is_decode() && error.failure().is_some(), "{way}: {error:?}");
                error.to_string()
            }));
        }
        let wrong = || Err("an item of the stream is not of the expected type".to_owned());
        assert_eq!(read, [Ok(1), wrong(), wrong(), wrong(), Ok(5)], "{way}");
    }
}

#[tokio::test]
async fn item_over_the_limit_of_the_server_ends_the_stream() {
    let items = || async { stream::iter([10, 2000, 10]).map(|length| "x".repeat(length)) };
    let server = Server::builder().stream("large", items).limits(Limits::default().max_response_bytes(1000)).build();
    for (way, client) in clients_of(&server).await {
        let mut items = client.stream::<String>("large", ()).await.unwrap();
        assert_eq!(next(&mut items).await.unwrap().unwrap().len(), 10, "{way}");
        let end = next(&mut items).await.unwrap().unwrap_err();
        assert!(end.is_end(), "{way}: {end:?}");
        assert_eq!(end.error_object().unwrap().code().get(), -32091, "{way}");
        assert!(next(&mut items).await.is_none(), "{way}");
    }
}

#[tokio::test]
async fn item_over_the_limit_of_the_client_cuts_the_stream_for_good() {
    let (opened, mut opens) = mpsc::unbounded_channel();
    let items = move || {
        opened.send(()).unwrap();
        async { stream::iter([10, 2000, 10]).map(|length| "x".repeat(length)) }
    };
    let server = Server::builder().stream("large", items).build();
    let url = format!("http://{}", support::serve(&server).await);
    for in_process in [false, true] {
        let builder = rpc::Client::builder();
        let builder = if in_process { builder.in_process(&server) } else { builder.endpoint(&url) };
        let settings = rpc::ClientSettings::default().max_response_bytes(1000);
        let client = builder.settings(settings).build().unwrap();
        let mut items = client.stream::<String>("large", ()).resubscribe().await.unwrap();
        assert_eq!(next(&mut items).await.unwrap().unwrap().len(), 10);
        let end = next(&mut items).await.unwrap().unwrap_err();
        assert!(end.is_cut(), "{end:?}");
        assert!(end.failure().unwrap().to_string().contains("1000"), "{end:?}");
        assert!(next(&mut items).await.is_none());
        // It would come again, so the client does not ask for it again.
        opens.recv().await.unwrap();
        assert!(opens.try_recv().is_err());
    }
}

/// An item that cannot be written.
struct Unwritable;

impl serde::Serialize for Unwritable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("the disk is on fire"))
    }
}

/// An item that panics when it is written.
struct Explosive;

impl serde::Serialize for Explosive {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("as told")
    }
}

#[tokio::test]
async fn items_that_cannot_be_written_end_the_stream_with_an_internal_error() {
    let server = Server::builder()
        .stream("fails", || async { stream::iter([Unwritable]) })
        .stream("panics", || async { stream::iter([Explosive]) })
        .build();
    let client = client_of(&server).await;
    for method in ["fails", "panics"] {
        let mut items = client.stream::<Value>(method, ()).await.unwrap();
        let end = next(&mut items).await.unwrap().unwrap_err();
        let error: ErrorObject = end.error_object().unwrap();
        assert_eq!(error.code().get(), -32603, "{method}");
        assert!(!format!("{error:?}").contains("fire"), "{method}");
        assert!(next(&mut items).await.is_none(), "{method}");
    }
}
