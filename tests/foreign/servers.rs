//! Our client at servers that others wrote. They do not know our headers, keys and deadlines. Each is a script that
//! serves the shelf.

use rpc::{Client, Error, Outcome};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Value, json};
use support::foreign::ForeignServer;

use crate::shelf::{Item, ShelfClient, ShelfError};

/// A server of another maker, and a client of ours. The server ends when this is dropped.
struct Foreign {
    script: &'static str,
    client: Client,
    shelf: ShelfClient,
    _server: ForeignServer,
}

impl Foreign {
    fn new(server: ForeignServer) -> Self {
        let client = Client::new(&server.url).unwrap();
        Self { script: server.script, shelf: ShelfClient::new(client.clone()), client, _server: server }
    }

    /// Starts all servers that are installed.
    async fn all() -> Vec<Self> {
        let started = futures_util::future::join_all(ForeignServer::ALL.map(ForeignServer::start)).await;
        started.into_iter().flatten().map(Self::new).collect()
    }

    async fn notes(&self) -> Vec<String> {
        self.shelf.notes().await.unwrap()
    }
}

fn raw(value: &Value) -> Box<RawValue> {
    to_raw_value(value).unwrap()
}

fn value<E>(raw: Result<Box<RawValue>, Error<E>>) -> Option<Value> {
    serde_json::from_str(raw.ok()?.get()).ok()
}

#[tokio::test]
async fn calls_are_answered_with_params_by_name_and_by_position() {
    for Foreign { script, client, shelf, _server } in Foreign::all().await {
        assert_eq!(shelf.add(2, 3).await.unwrap(), 5, "{script}");
        assert_eq!(shelf.put("pen", 7).await.unwrap(), Item { name: "pen".into(), count: 7 }, "{script}");
        assert_eq!(client.call::<Item>("shelf.put", ["ink"]).await.unwrap().count, 1, "{script}");
        assert_eq!(client.call::<i64>("shelf.add", json!({"b": 1, "a": -2})).await.unwrap(), -1, "{script}");
        assert_eq!(shelf.notes().await.unwrap(), ["put pen", "put ink"], "{script}");
    }
}

#[tokio::test]
async fn a_declared_error_is_decoded() {
    for Foreign { script, client, shelf, _server } in Foreign::all().await {
        let full = || ShelfError::Full { name: "piano".into() };
        let error = shelf.put("piano", 101).await.unwrap_err();
        assert!(matches!(&error, Error::Method(error) if *error == full()), "{script}: {error:?}");
        let error = client.call::<Value>("shelf.put", json!({"name": "piano", "count": 101})).await.unwrap_err();
        let object = error.error_object().unwrap();
        assert_eq!((object.code().get(), object.message()), (1001, "no room for piano"), "{script}");
        assert_eq!(error.outcome(), Outcome::Executed, "{script}");
    }
}

#[tokio::test]
async fn what_a_server_refuses_is_its_error_and_no_failure() {
    for Foreign { script, client, shelf, _server } in Foreign::all().await {
        let code = async |method: &'static str, params: Value| {
            let error = client.call::<Value>(method, params).await.unwrap_err();
            assert!(matches!(error, Error::Rpc(_)), "{script}: {error:?}");
            error.error_object().unwrap().code().get()
        };
        assert_eq!(code("shelf.lost", json!([])).await, -32601, "{script}");
        assert_eq!(code("shelf.add", json!([1])).await, -32602, "{script}");
        assert_eq!(code("shelf.add", json!({"a": 1, "b": 2, "c": 3})).await, -32602, "{script}");
        let error = shelf.fail().await.unwrap_err();
        let code = error.error_object().unwrap().code().get();
        assert!([-32603, -32000].contains(&code) && error.outcome() == Outcome::Executed, "{script}: {error:?}");
    }
}

#[tokio::test]
async fn a_batch_has_an_answer_for_each_call() {
    for Foreign { script, client, shelf, _server } in Foreign::all().await {
        let lost = client.call::<Value>("shelf.lost", ());
        let null = shelf.echo(raw(&Value::Null));
        let batch = (shelf.add(1, 1), shelf.put("piano", 101), shelf.note("in a batch").notify(), lost, null);
        let (sum, full, noted, lost, null) = client.batch(batch).await.unwrap();
        assert_eq!(sum.unwrap(), 2, "{script}");
        assert!(matches!(full, Err(Error::Method(ShelfError::Full { .. }))), "{script}: {full:?}");
        assert!(noted.is_ok(), "{script}: {noted:?}");
        assert_eq!(lost.unwrap_err().error_object().unwrap().code().get(), -32601, "{script}");
        assert_eq!(value(null), Some(Value::Null), "{script}");

        let sums = client.batch((0..50).map(|n| shelf.add(n, n)).collect::<Vec<_>>()).await.unwrap();
        let sums: Vec<_> = sums.into_iter().map(Result::unwrap).collect();
        assert_eq!(sums, (0..50).map(|n| 2 * n).collect::<Vec<_>>(), "{script}");
    }
}

/// For such a batch, json-rpc-2.0 answers with an object instead of an array.
#[tokio::test]
async fn a_batch_of_which_one_entry_is_answered_is_understood() {
    for Foreign { script, client, shelf, _server } in Foreign::all().await {
        let (sum, noted) = client.batch((shelf.add(1, 1), shelf.note("beside").notify())).await.unwrap();
        assert_eq!(sum.unwrap(), 2, "{script}");
        assert!(noted.is_ok(), "{script}: {noted:?}");
        let [sum] = client.batch([shelf.add(2, 2)]).await.unwrap();
        assert_eq!(sum.unwrap(), 4, "{script}");
        let (full, noted) = client.batch((shelf.put("piano", 101), shelf.note("beside").notify())).await.unwrap();
        assert!(matches!(full, Err(Error::Method(ShelfError::Full { .. }))), "{script}: {full:?}");
        assert!(noted.is_ok(), "{script}: {noted:?}");
        assert_eq!(shelf.notes().await.unwrap(), ["beside", "beside"], "{script}");
    }
}

/// They answer with 200, 202 or 204 and an empty body.
#[tokio::test]
async fn a_notification_ends_when_the_server_has_taken_it() {
    for server in Foreign::all().await {
        let Foreign { script, client, shelf, .. } = &server;
        shelf.note("alone").notify().await.unwrap();
        client.call::<Value>("shelf.lost", ()).notify().await.unwrap();
        let batch = [shelf.note("first").notify(), shelf.note("second").notify()];
        assert!(client.batch(batch).await.unwrap().iter().all(Result::is_ok), "{script}");
        let mut notes = server.notes().await;
        notes[1..].sort_unstable();
        assert_eq!(notes, ["alone", "first", "second"], "{script}");
    }
}

#[tokio::test]
async fn values_survive_both_ways() {
    let values = json!([
        ["Grüße, 世界", "\u{1F600}", "\u{0}\u{1f}\u{2028}", "\"\\/\r\n"],
        [0, -1, 0.1, 9_007_199_254_740_991_i64, 5e-324, 1.797_693_134_862_315_7e308],
        {"": {"nested": [[], {}, [null, true, false]]}},
        "ü".repeat(1 << 19),
    ]);
    for server in Foreign::all().await {
        let echoed = server.shelf.echo(raw(&values)).await;
        assert!(value(echoed).as_ref() == Some(&values), "{}", server.script);
    }
}

#[tokio::test]
async fn calls_at_once_are_each_answered_with_their_own() {
    for Foreign { script, shelf, _server, .. } in Foreign::all().await {
        // The servers' accept queues have room for this many connections.
        let sums = (0..100).map(|number| shelf.add(number, 1000).into_future());
        let sums = futures_util::future::join_all(sums).await;
        for (number, sum) in (0..).zip(sums) {
            assert_eq!(sum.unwrap(), number + 1000, "{script}");
        }
    }
}

/// A text that makes the servers lose an answer: the call runs, and then they cut its connection.
const VANISH: &str = "vanish";

#[tokio::test]
async fn a_call_with_an_effect_whose_answer_is_lost_has_run_once_and_is_unknown() {
    for server in Foreign::all().await {
        let Foreign { script, client, shelf, .. } = &server;
        shelf.put("pen", 1).await.unwrap();
        let error = shelf.put(VANISH, 1).await.unwrap_err();
        assert_eq!((error.outcome(), error.attempts().len()), (Outcome::Unknown, 1), "{script}: {error:?}");
        let put = || shelf.put(VANISH, 2);
        for put in client.batch((put(), put(), shelf.put("ink", 1))).await.map(<[_; 3]>::from).unwrap() {
            assert_eq!(put.unwrap_err().outcome(), Outcome::Unknown, "{script}");
        }
        let mut notes = server.notes().await;
        notes.sort_unstable();
        assert_eq!(notes, ["put ink", "put pen", "put vanish", "put vanish", "put vanish"], "{script}");
    }
}

#[tokio::test]
async fn a_call_without_an_effect_whose_answer_is_lost_goes_again() {
    for Foreign { script, shelf, _server, .. } in Foreign::all().await {
        let error = shelf.echo(raw(&json!(VANISH))).await.unwrap_err();
        assert_eq!((error.outcome(), error.attempts().len()), (Outcome::Unknown, 3), "{script}: {error:?}");
        assert_eq!(shelf.add(2, 3).await.unwrap(), 5, "{script}");
    }
}
