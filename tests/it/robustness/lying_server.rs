//! Answers that would harm the client: more of them than calls, and nested a million levels deep.

#[cfg(target_os = "linux")]
use std::process::Command;

use rpc::{Client, Error, Outcome};
use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const LEVELS: usize = 1_000_000;

/// Starts a server that answers each POST by what this makes of the request.
async fn serve(answer: impl Fn(Value) -> String + Send + 'static) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
            stream.read_exact(&mut body).await.unwrap();
            let body =
                if head.starts_with("head") { String::new() } else { answer(serde_json::from_slice(&body).unwrap()) };
            let head = format!("HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
            stream.write_all(&[head.as_bytes(), body.as_bytes()].concat()).await.unwrap();
        }
    });
    Client::new(url).unwrap()
}

fn deep(open: &str, inner: &str, close: &str) -> String {
    format!("{}{inner}{}", open.repeat(LEVELS), close.repeat(LEVELS))
}

fn result(id: &Value, result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","result":{result},"id":{id}}}"#)
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

/// What the process may hold, which is client and server at once. The answer has 10 MB, and both hold it for a while.
#[cfg(target_os = "linux")]
const BOUND_KIB: u64 = 100 * 1024;

#[cfg(target_os = "linux")]
#[tokio::test]
#[ignore = "is the child process of the test below"]
async fn calls_in_a_child() {
    if std::env::var_os("RPC_ROBUSTNESS_CHILD").is_none() {
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
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
    let peak: u64 = peak.expect("Linux tells the peak");
    assert!(peak < BOUND_KIB, "{peak} KiB");
}

#[cfg(target_os = "linux")]
#[test]
fn answers_beyond_the_calls_of_a_batch_take_no_memory() {
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "robustness::lying_server::calls_in_a_child", "--ignored", "--nocapture"])
        .env("RPC_ROBUSTNESS_CHILD", "1")
        .output()
        .unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
