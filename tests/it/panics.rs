//! Panics wherever user code runs. The call gets an internal error with its own id, and the server continues.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rpc::{Call, Client, Context, Error, ErrorCode, ErrorObject, Limits, RpcError, Server};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use support::raw_http::{exchange, post};
use support::{client_of, clients_of, serve};
use tokio::sync::Notify;

/// A type that panics when it is deserialized and when it is serialized.
struct Unserializable;

impl Serialize for Unserializable {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("in Serialize")
    }
}

impl<'de> Deserialize<'de> for Unserializable {
    fn deserialize<D: Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        panic!("in Deserialize")
    }
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        // A second panic during unwinding would end the process, even if the first one is caught.
        if !std::thread::panicking() {
            panic!("in Drop");
        }
    }
}

impl Serialize for Bomb {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str("written in full")
    }
}

/// An error that panics when it is formatted.
#[derive(Debug, RpcError)]
#[rpc(code = 1001)]
struct Unspeakable;

impl fmt::Display for Unspeakable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("in Display")
    }
}

impl std::error::Error for Unspeakable {}

#[rpc::service(namespace = "panic")]
trait Panicking {
    fn at_once(&self) -> u8;
    async fn before_waiting(&self) -> u8;
    async fn after_waiting(&self, #[rpc(context)] cx: &Context) -> u8;
    async fn in_error(&self) -> Result<u8, Unspeakable>;
    fn in_error_at_once(&self) -> Result<u8, Unspeakable>;
    fn in_default(&self, #[rpc(default = panic!("in a default"))] number: u8) -> u8;
    async fn with_payload(&self) -> u8;
    async fn fine(&self) -> u8;
}

struct Panics;

impl Panicking for Panics {
    fn at_once(&self) -> u8 {
        panic!("in a sync method")
    }
    async fn before_waiting(&self) -> u8 {
        panic!("before an await")
    }
    async fn after_waiting(&self, _: &Context) -> u8 {
        tokio::task::yield_now().await;
        panic!("after an await")
    }
    async fn in_error(&self) -> Result<u8, Unspeakable> {
        Err(Unspeakable)
    }
    fn in_error_at_once(&self) -> Result<u8, Unspeakable> {
        Err(Unspeakable)
    }
    fn in_default(&self, number: u8) -> u8 {
        number
    }
    async fn with_payload(&self) -> u8 {
        // The panic's payload panics again when it is dropped.
        std::panic::panic_any(Bomb)
    }
    async fn fine(&self) -> u8 {
        tokio::task::yield_now().await;
        7
    }
}

const METHODS: &[&str] = &[
    "panic.at_once",
    "panic.before_waiting",
    "panic.after_waiting",
    "panic.in_error",
    "panic.in_error_at_once",
    "panic.in_default",
    "panic.with_payload",
    "result",
    "params",
    "drop_of_local",
    "drop_of_local_after_waiting",
    "drop_of_result",
    "drop_of_capture",
    "closure_before_its_future",
    "closure",
    "closure_after_waiting",
    "try_closure",
];

fn server() -> Server {
    Server::builder()
        .service(PanickingServer::new(Panics))
        .method("result", || async { Unserializable })
        .method("params", |_: Unserializable| async {})
        .method("drop_of_local", || async {
            let _bomb = Bomb;
        })
        .method("drop_of_local_after_waiting", || async {
            let _bomb = Bomb;
            tokio::task::yield_now().await;
        })
        .method("drop_of_result", || async { Bomb })
        .method("drop_of_capture", || {
            let bomb = Bomb;
            async move {
                let _moved = &bomb;
                tokio::task::yield_now().await;
            }
        })
        .method("closure_before_its_future", || {
            if METHODS.len() > 1 {
                panic!("before the future")
            }
            async {}
        })
        .method("closure", |_: rpc::Params, _: Context| async { panic!("in a closure") as u8 })
        .method("closure_after_waiting", || async {
            tokio::task::yield_now().await;
            panic!("in a closure") as u8
        })
        .try_method("try_closure", || async { panic!("in a closure") as Result<u8, ErrorObject> })
        .build()
}

fn call(client: &Client, method: &'static str) -> Call<u8> {
    client.call(method, ())
}

#[track_caller]
fn assert_internal(answer: Result<u8, Error>, what: &str) {
    let error = answer.unwrap_err();
    assert!(matches!(&error, Error::Rpc(error) if *error == ErrorObject::internal()), "{what}: {error:?}");
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_the_server_goes_on() {
    for (way, client) in clients_of(&server()).await {
        for method in METHODS {
            assert_internal(call(&client, method).await, &format!("{way}: {method}"));
            assert_eq!(call(&client, "panic.fine").await.unwrap(), 7, "{way}: {method}");
        }
    }
}

#[tokio::test]
async fn a_panic_in_a_batch_leaves_the_other_entries_alone() {
    for (way, client) in clients_of(&server()).await {
        let calls = METHODS.iter().map(|method| (call(&client, "panic.fine"), call(&client, method)));
        let answers = client.batch((calls.collect::<Vec<_>>(), call(&client, "panic.fine"))).await.unwrap();
        assert_eq!(answers.0.len(), METHODS.len());
        for ((fine, panicked), method) in answers.0.into_iter().zip(METHODS) {
            assert_eq!(fine.unwrap(), 7, "{way}: beside {method}");
            assert_internal(panicked, &format!("{way}: {method}"));
        }
        assert_eq!(answers.1.unwrap(), 7);
    }
}

#[tokio::test]
async fn a_notification_that_panics_is_not_answered_and_the_server_goes_on() {
    for (way, client) in clients_of(&server()).await {
        for method in METHODS {
            call(&client, method).notify().await.unwrap();
        }
        let notes = METHODS.iter().map(|method| call(&client, method).notify()).collect::<Vec<_>>();
        let (notes, fine) = client.batch((notes, call(&client, "panic.fine"))).await.unwrap();
        assert!(notes.iter().all(Result::is_ok), "{way}");
        assert_eq!(fine.unwrap(), 7, "{way}");
    }
}

#[tokio::test]
async fn a_panic_is_answered_on_the_wire_without_a_word_of_it() {
    let addr = serve(&server()).await;
    let request = r#"{"jsonrpc":"2.0","method":"panic.before_waiting","id":"own"}"#;
    let reply = exchange(addr, &post(request)).await;
    let error = r#"{"code":-32603,"message":"Internal error"}"#;
    assert_eq!(reply.text(), format!(r#"{{"jsonrpc":"2.0","error":{error},"id":"own"}}"#));
    assert_eq!(reply.header("rpc-status"), Some("-32603"));
}

/// Builds a server with a method that holds a bomb and never ends, and one that works.
fn hanging<B: Send + Sync + 'static>(
    handler_timeout: Duration,
    bomb: impl Fn() -> B + Send + Sync + 'static,
) -> Server {
    let mut limits = Limits::default();
    limits.handler_timeout = handler_timeout;
    Server::builder()
        .limits(limits)
        .method("hang", move || {
            let bomb = bomb();
            async move {
                let _bomb = &bomb;
                std::future::pending::<u8>().await
            }
        })
        .method("fine", || async { 7 })
        .build()
}

/// Notifies when it is dropped, and then panics.
struct SaysDropped(Arc<Notify>);

impl Drop for SaysDropped {
    fn drop(&mut self) {
        self.0.notify_one();
        if !std::thread::panicking() {
            panic!("in Drop of an abandoned handler");
        }
    }
}

#[tokio::test]
async fn a_handler_that_panics_when_it_is_cut_off_does_no_harm() {
    let dropped = Arc::new(Notify::new());
    let says = Arc::clone(&dropped);
    let server = hanging(Duration::from_millis(20), move || SaysDropped(Arc::clone(&says)));
    for (way, client) in clients_of(&server).await {
        let (hung, fine) = client.batch((call(&client, "hang"), call(&client, "fine"))).await.unwrap();
        let error = hung.unwrap_err();
        assert!(error.is_timeout(), "{way}: {error:?}");
        assert_eq!(error.error_object().unwrap().code(), ErrorCode::HANDLER_TIMEOUT);
        assert_eq!(fine.unwrap(), 7, "{way}");
        dropped.notified().await;
    }
}

#[rpc::service]
trait Hanging {
    #[rpc(readonly)]
    async fn hang(&self) -> u8;
    fn fine(&self) -> u8;
}

struct Hangs(Arc<Notify>);

impl Hanging for Hangs {
    async fn hang(&self) -> u8 {
        let _says = SaysDropped(Arc::clone(&self.0));
        std::future::pending().await
    }
    fn fine(&self) -> u8 {
        7
    }
}

#[tokio::test]
async fn a_readonly_handler_that_panics_when_its_client_leaves_does_no_harm() {
    let dropped = Arc::new(Notify::new());
    let server = Server::builder().service(HangingServer::new(Hangs(Arc::clone(&dropped)))).build();
    let client = client_of(&server).await;
    let error = call(&client, "hang").deadline(Duration::from_millis(50)).await.unwrap_err();
    assert!(error.is_timeout());
    dropped.notified().await;
    assert_eq!(call(&client, "fine").await.unwrap(), 7);
}

/// Panics when it is dropped, with a value that also panics when dropped.
struct BombInBomb(Arc<Notify>);

impl Drop for BombInBomb {
    fn drop(&mut self) {
        self.0.notify_one();
        if !std::thread::panicking() {
            std::panic::panic_any(Bomb);
        }
    }
}

#[tokio::test]
async fn a_panic_value_that_panics_when_it_is_dropped_does_no_harm_to_a_handler_that_is_cut_off() {
    let dropped = Arc::new(Notify::new());
    let says = Arc::clone(&dropped);
    let server = hanging(Duration::from_millis(20), move || BombInBomb(Arc::clone(&says)));
    for (way, client) in clients_of(&server).await {
        let (hung, fine) = client.batch((call(&client, "hang"), call(&client, "fine"))).await.unwrap();
        let error = hung.unwrap_err();
        assert_eq!(error.error_object().unwrap().code(), ErrorCode::HANDLER_TIMEOUT, "{way}: {error:?}");
        assert_eq!(fine.unwrap(), 7, "{way}");
        dropped.notified().await;
        assert_eq!(call(&client, "fine").await.unwrap(), 7, "{way}");
    }
}
