//! Answers that would harm the client: more answers than calls, and one that is nested a million levels deep.

use rpc::{Client, Error, Outcome};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use support::{Answer, Peer, http, result};
#[cfg(target_os = "linux")]
use support::{child, process};

const LEVELS: usize = 1_000_000;

/// Starts a server that answers each POST by this function. Returns a client of it.
async fn serve(answer: impl Fn(Value) -> String + Send + Sync + 'static) -> Client {
    let peer = Peer::start(move |request| Answer::Bytes(http("200 OK", &[], &answer(request.json())))).await;
    Client::new(peer.url()).unwrap()
}

fn deep(open: &str, inner: &str, close: &str) -> String {
    format!("{}{inner}{}", open.repeat(LEVELS), close.repeat(LEVELS))
}

#[track_caller]
fn assert_not_decoded<T>(ended: Result<T, Error>) {
    let Err(Error::Failure(failure)) = ended else { panic!("it is decoded") };
    assert!(failure.is_decode(), "{failure:?}");
    assert_eq!(failure.outcome(), Outcome::Executed);
}

#[tokio::test]
async fn a_result_that_is_nested_a_million_deep_is_no_value_but_can_be_had_as_text() {
    for text in [deep("[", "", "]"), deep(r#"{"a":"#, "1", "}")] {
        let sent = text.clone();
        let client = serve(move |call| match &call {
            Value::Array(calls) => format!("[{},{}]", result(&calls[0]["id"], &sent), result(&calls[1]["id"], "7")),
            call => result(&call["id"], &sent),
        })
        .await;
        assert_not_decoded(client.call::<Value>("any", ()).await);
        assert_not_decoded(client.call::<Vec<Value>>("any", ()).await);
        assert_eq!(client.call::<Box<RawValue>>("any", ()).await.unwrap().get(), text);
        client.call::<IgnoredAny>("any", ()).await.unwrap();
        let (deep, flat) =
            client.batch((client.call::<Value>("any", ()), client.call::<u64>("any", ()))).await.unwrap();
        assert_not_decoded(deep);
        assert_eq!(flat.unwrap(), 7);
    }
}

#[tokio::test]
async fn an_error_or_a_stray_member_that_is_nested_a_million_deep_does_no_harm() {
    let deep = deep("[", "", "]");
    let data = deep.clone();
    let client = serve(move |call| {
        let error = format!(r#"{{"code":1,"message":"m","data":{data}}}"#);
        format!(r#"{{"jsonrpc":"2.0","error":{error},"id":{}}}"#, call["id"])
    })
    .await;
    let error = client.call::<Value>("any", ()).await.unwrap_err().error_object().unwrap();
    assert_eq!(error.data().unwrap().get(), deep);
    assert!(error.decode_data::<Value>().is_err());
    for member in ["jsonrpc", "id", "error", "other"] {
        let deep = deep.clone();
        let client = serve(move |call| {
            let id = if member == "id" { json!(null) } else { call["id"].clone() };
            format!(r#"{{"{member}":{deep},"jsonrpc":"2.0","result":7,"id":{id}}}"#)
        })
        .await;
        let ended = client.call::<u64>("any", ()).await;
        assert_eq!(ended.is_ok(), member == "other", "{member}: {ended:?}");
    }
}

/// The memory limit of the process, which is client and server at once. The answer has 10 MB, and both hold it for a
/// while.
#[cfg(target_os = "linux")]
const BOUND_KIB: u64 = 100 * 1024;

/// Set for the child, so that other runs skip the test.
#[cfg(target_os = "linux")]
const CHILD: &str = "RPC_TEST_LYING_SERVER";

#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "is the child process of the test below"]
async fn calls_in_a_child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    for surplus in ["{}", r#"{"jsonrpc":"2.0","error":{"code":1,"message":"m"},"id":9}"#] {
        let client = serve(move |calls| {
            let mut answer = format!("[{surplus}");
            while answer.len() + surplus.len() + 200 < 9_900_000 {
                answer.extend([",", surplus]);
            }
            let own = calls.as_array().unwrap().iter().take(2).map(|call| format!(",{}", result(&call["id"], "7")));
            answer + &own.collect::<String>() + "]"
        })
        .await;
        let calls = [(); 3].map(|()| client.call::<u64>("any", ()).readonly());
        let [one, two, three] = client.batch(calls).retry(rpc::Retry::never()).await.unwrap();
        assert_eq!((one.unwrap(), two.unwrap()), (7, 7));
        assert!(three.unwrap_err().failure().unwrap().is_protocol());
    }
    let peak = process::memory(std::process::id(), "VmHWM");
    assert!(peak < BOUND_KIB, "{peak} KiB");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn answers_beyond_the_calls_of_a_batch_take_no_memory() {
    let mut command = child::command(module_path!(), "calls_in_a_child");
    command.env(CHILD, "1");
    child::run(command).await;
}
