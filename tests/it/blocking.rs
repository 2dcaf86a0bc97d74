//! `#[rpc(blocking)]`: methods that block a thread outside the runtime.

use std::sync::{Arc, Barrier, Mutex, mpsc};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use rpc::{Answer, BoxFuture, Client, Context, Dispatch, Error, ErrorCode, Limits, RequestContext, RpcError, Server};
use rpc_core::InheritedTimeLimit;
use serde_json::{Value, json};
use support::client_of;

#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
#[error("no more than {most}")]
#[rpc(code = 1001)]
struct TooMuch {
    most: u32,
}

#[rpc::service(namespace = "cpu")]
trait Cpu {
    /// Waits for the other callers of this method.
    #[rpc(readonly, blocking)]
    fn meet(&self) -> String;
    /// Waits until the gate is opened. Reports when it begins and ends.
    #[rpc(blocking)]
    fn pass_gate(&self, #[rpc(context)] cx: &Context) -> bool;
    #[rpc(readonly, blocking)]
    fn read_behind_gate(&self, name: String);
    fn open_gate(&self);
    #[rpc(blocking)]
    fn square(&self, number: u32) -> Result<u32, TooMuch>;
    #[rpc(blocking)]
    fn explode(&self);
    #[rpc(blocking, timeout = "5s")]
    fn inherits(&self) -> u64;
}

struct Machine {
    meeting: Barrier,
    opened: mpsc::Sender<()>,
    gate: Mutex<mpsc::Receiver<()>>,
    events: tokio::sync::mpsc::UnboundedSender<String>,
}

impl Machine {
    fn say(&self, event: impl Into<String>) {
        self.events.send(event.into()).unwrap();
    }

    fn wait_at_gate(&self) {
        self.gate.lock().unwrap().recv_timeout(Duration::from_secs(30)).unwrap();
    }
}

impl Cpu for Machine {
    fn meet(&self) -> String {
        self.meeting.wait();
        format!("{:?}", std::thread::current().id())
    }
    fn pass_gate(&self, cx: &Context) -> bool {
        self.say("begun");
        self.wait_at_gate();
        self.say("ended");
        cx.is_cancelled()
    }
    fn read_behind_gate(&self, name: String) {
        self.say(name);
        self.wait_at_gate();
    }
    fn open_gate(&self) {
        self.opened.send(()).unwrap();
    }
    fn square(&self, number: u32) -> Result<u32, TooMuch> {
        if number > 9 { Err(TooMuch { most: 9 }) } else { Ok(number * number) }
    }
    fn explode(&self) {
        panic!("secret of the handler")
    }
    fn inherits(&self) -> u64 {
        match InheritedTimeLimit::current() {
            InheritedTimeLimit::Until(end) => end.saturating_duration_since(std::time::Instant::now()).as_secs(),
            other => panic!("{other:?}"),
        }
    }
}

struct Bench {
    server: Server,
    events: tokio::sync::mpsc::UnboundedReceiver<String>,
    opener: mpsc::Sender<()>,
}

impl Bench {
    fn new(change: impl FnOnce(&mut Limits)) -> Self {
        let (sender, events) = tokio::sync::mpsc::unbounded_channel();
        let (opened, gate) = mpsc::channel();
        let opener = opened.clone();
        let machine = Machine { meeting: Barrier::new(2), opened, gate: Mutex::new(gate), events: sender };
        let mut limits = Limits::default();
        change(&mut limits);
        Self { server: Server::builder().service(CpuServer::new(machine)).limits(limits).build(), events, opener }
    }

    fn cpu(&self) -> CpuClient {
        CpuClient::new(Client::in_process(&self.server))
    }

    fn dispatch(&self, method: &str, params: &Value) -> BoxFuture<Answer> {
        let call = json!({ "jsonrpc": "2.0", "method": format!("cpu.{method}"), "params": params, "id": 1 });
        self.server.dispatch(Bytes::from(call.to_string()), Arc::new(RequestContext::default()))
    }

    async fn code(&self, method: &str, params: &Value) -> Value {
        let answer = self.dispatch(method, params).await;
        serde_json::from_slice::<Value>(&answer.body).unwrap()["error"]["code"].take()
    }

    /// Waits until there is room again. Occupies no room while it waits.
    async fn has_room(&self) {
        while self.code("square", &json!([2])).await == ErrorCode::OVERLOADED.get() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn event(&mut self) -> String {
        self.events.recv().await.unwrap()
    }
}

/// The runtime of this test has one thread.
#[tokio::test]
async fn a_method_that_blocks_does_not_hold_up_others() {
    let mut bench = Bench::new(|_| {});
    let client = client_of(&bench.server).await;
    let cpu = CpuClient::new(client);
    let blocked = tokio::spawn(cpu.pass_gate().into_future());
    assert_eq!(bench.event().await, "begun");
    cpu.open_gate().await.unwrap();
    assert!(!blocked.await.unwrap().unwrap());
    assert_eq!(bench.event().await, "ended");
}

#[tokio::test]
async fn calls_of_a_batch_block_at_the_same_time() {
    let bench = Bench::new(|_| {});
    let client = client_of(&bench.server).await;
    let cpu = CpuClient::new(client.clone());
    let (one, other) = client.batch((cpu.meet(), cpu.meet())).await.unwrap();
    assert_ne!(one.unwrap(), other.unwrap());
}

#[tokio::test]
async fn results_and_errors_are_those_of_any_method() {
    let bench = Bench::new(|_| {});
    assert_eq!(bench.cpu().square(3).await.unwrap(), 9);
    assert!(matches!(bench.cpu().square(10).await, Err(Error::Method(TooMuch { most: 9 }))));
    let error = Client::in_process(&bench.server).call::<Value>("cpu.square", ["x"]).await.unwrap_err();
    assert!(matches!(&error, Error::Rpc(error) if error.code() == ErrorCode::INVALID_PARAMS), "{error:?}");
}

#[tokio::test]
async fn a_panic_is_an_internal_error_and_the_server_goes_on() {
    let bench = Bench::new(|_| {});
    let answer = bench.dispatch("explode", &json!([])).await;
    let expected = json!({ "jsonrpc": "2.0", "error": { "code": -32603, "message": "Internal error" }, "id": 1 });
    assert_eq!(serde_json::from_slice::<Value>(&answer.body).unwrap(), expected);
    assert_eq!(bench.cpu().square(2).await.unwrap(), 4);
}

#[tokio::test]
async fn a_method_with_an_effect_goes_on_without_its_caller() {
    let mut bench = Bench::new(|_| {});
    let server = bench.server.bind("127.0.0.1:0").await.unwrap().spawn();
    let cpu = CpuClient::new(Client::new(format!("http://{}", server.local_addr())).unwrap());
    let call = tokio::spawn(cpu.pass_gate().into_future());
    assert_eq!(bench.event().await, "begun");
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    let ended = tokio::spawn(server.shutdown());
    bench.cpu().open_gate().await.unwrap();
    // The server waits for the handler.
    ended.await.unwrap();
    assert_eq!(bench.events.try_recv().unwrap(), "ended");
}

#[tokio::test]
async fn what_takes_too_long_is_answered_and_still_not_stopped() {
    let mut bench = Bench::new(|limits| limits.handler_timeout = Duration::from_millis(50));
    let answer = bench.dispatch("pass_gate", &json!([])).await;
    let answer: Value = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(answer["error"]["code"], ErrorCode::HANDLER_TIMEOUT.get());
    assert_eq!(bench.event().await, "begun");
    bench.cpu().open_gate().await.unwrap();
    assert_eq!(bench.event().await, "ended");
}

#[test]
fn a_call_that_nobody_waits_for_does_not_begin() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().max_blocking_threads(1).build().unwrap();
    runtime.block_on(async {
        let mut bench = Bench::new(|_| {});
        let first = tokio::spawn(bench.dispatch("read_behind_gate", &json!(["first"])));
        assert_eq!(bench.event().await, "first");
        // There is no second blocking thread, so the second call cannot have begun.
        let mut second = bench.dispatch("read_behind_gate", &json!(["second"]));
        assert!((&mut second).now_or_never().is_none());
        drop(second);
        let third = tokio::spawn(bench.dispatch("read_behind_gate", &json!(["third"])));
        for _ in 0..2 {
            bench.cpu().open_gate().await.unwrap();
        }
        first.await.unwrap();
        third.await.unwrap();
        assert_eq!(bench.event().await, "third");
    });
}

#[tokio::test]
async fn a_read_that_nobody_waits_for_counts_until_it_returns() {
    let mut bench = Bench::new(|limits| limits.max_calls_in_flight = 1);
    for _ in 0..3 {
        let mut read = bench.dispatch("read_behind_gate", &json!(["begun"]));
        assert!((&mut read).now_or_never().is_none());
        assert_eq!(bench.event().await, "begun");
        drop(read);
        for _ in 0..3 {
            assert_eq!(bench.code("read_behind_gate", &json!(["begun"])).await, ErrorCode::OVERLOADED.get());
        }
        assert!(bench.events.try_recv().is_err());
        bench.opener.send(()).unwrap();
        bench.has_room().await;
    }
}

#[tokio::test]
async fn what_has_taken_too_long_counts_until_it_returns() {
    for method in ["pass_gate", "read_behind_gate"] {
        let mut bench = Bench::new(|limits| {
            limits.max_calls_in_flight = 1;
            limits.handler_timeout = Duration::from_millis(50);
        });
        let params = if method == "pass_gate" { json!([]) } else { json!(["begun"]) };
        assert_eq!(bench.code(method, &params).await, ErrorCode::HANDLER_TIMEOUT.get());
        assert_eq!(bench.event().await, "begun");
        assert_eq!(bench.code(method, &params).await, ErrorCode::OVERLOADED.get());
        bench.opener.send(()).unwrap();
        bench.has_room().await;
    }
}

#[tokio::test]
async fn entries_of_a_batch_do_not_begin_in_the_place_of_one_that_still_runs() {
    let mut bench = Bench::new(|limits| {
        limits.max_calls_in_flight = 1;
        limits.handler_timeout = Duration::from_millis(50);
    });
    let call = json!({ "jsonrpc": "2.0", "method": "cpu.read_behind_gate", "params": ["begun"], "id": 1 });
    let batch = json!([call, call, call]).to_string();
    let answer = bench.server.dispatch(Bytes::from(batch), Arc::new(RequestContext::default())).await;
    let answers: Value = serde_json::from_slice(&answer.body).unwrap();
    let codes = [0, 1, 2].map(|entry| answers[entry]["error"]["code"].as_i64().unwrap());
    assert_eq!(codes, [-32093, -32092, -32092]);
    assert_eq!(bench.event().await, "begun");
    assert!(bench.events.try_recv().is_err());
    bench.opener.send(()).unwrap();
}

#[tokio::test]
async fn a_shutdown_waits_for_a_read_that_nobody_waits_for() {
    let mut bench = Bench::new(|_| {});
    let server = bench.server.bind("127.0.0.1:0").await.unwrap().spawn();
    let mut read = bench.dispatch("read_behind_gate", &json!(["begun"]));
    assert!((&mut read).now_or_never().is_none());
    assert_eq!(bench.event().await, "begun");
    drop(read);
    let ended = tokio::spawn(server.shutdown());
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert!(!ended.is_finished());
    bench.opener.send(()).unwrap();
    ended.await.unwrap();
}

#[tokio::test]
async fn calls_that_it_makes_inherit_its_time() {
    let bench = Bench::new(|limits| limits.handler_timeout = Duration::from_secs(20));
    assert!((10..=20).contains(&bench.cpu().inherits().await.unwrap()));
}
