//! `--curl` prints a command that makes the same call.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use rpc::{Context, Server};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use support::{Peer, Received};
use tokio::process::Command;

use crate::binary::rpc;

/// Starts a peer that answers with the text of the params.
async fn echo() -> Peer {
    Peer::answering(|call: &Received| {
        #[derive(serde::Deserialize)]
        struct Call<'a> {
            #[serde(borrow)]
            id: &'a RawValue,
            #[serde(borrow)]
            params: &'a RawValue,
        }
        let Call { id, params } = serde_json::from_str(call.text()).unwrap();
        format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{params}}}"#)
    })
    .await
}

async fn sh(command: &str) -> String {
    let output = Command::new("sh").args(["-c", command]).env_remove("http_proxy").output().await.unwrap();
    assert!(output.status.success(), "{command}\n{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test]
async fn the_command_sends_what_the_client_sends() {
    let peer = echo().await;
    let url = peer.url();
    let args = [
        "call",
        &url,
        "a'b",
        "{\"a\": \"it's $HOME `x` \\\\ \\\"\"}",
        "-H",
        "x-note: it's",
        "--bearer",
        "t",
        "--deadline",
        "7s",
        "--readonly",
    ];
    let printed = rpc(&[&args[..], &["--curl"]].concat()).run().await;
    assert_eq!((printed.exit, printed.stderr.as_str()), (0, ""));
    assert_eq!((peer.connections(), printed.stdout.lines().count()), (0, 1), "nothing is sent: {}", printed.stdout);
    sh(&printed.stdout).await;
    assert_eq!(rpc(&args).run().await.exit, 0);
    let requests = peer.requests();
    let [by_curl, by_client] = &*requests else { panic!("{requests:?}") };
    assert_eq!(by_curl.text(), by_client.text());
    for header in ["content-type", "accept", "rpc-timeout-ms", "authorization", "x-note", "content-length"] {
        assert_eq!(by_curl.header(header), by_client.header(header), "{header}");
    }
    assert_eq!(by_curl.header("rpc-timeout-ms"), Some("7000"));
}

#[tokio::test]
async fn keys_and_notifications_are_in_the_command() {
    let peer = echo().await;
    let key = "01890a5d-ac96-774b-bcce-b302099a8057";
    let printed = rpc(&["call", &peer.url(), "pay", "[1]", "--key", key, "--curl"]).run().await;
    sh(&printed.stdout).await;
    let request = &peer.requests()[0];
    assert_eq!(request.id(), key);
    assert!(request.header("rpc-idempotency").unwrap().contains(key));
    let printed = rpc(&["call", &peer.url(), "seen", "[1]", "--notify", "--curl"]).run().await;
    assert!(!printed.stdout.contains("\"id\""), "{}", printed.stdout);
}

#[tokio::test]
async fn a_body_beyond_the_limit_of_arguments_is_sent_whole() {
    let peer = echo().await;
    let text = "x".repeat(300 << 10);
    let params = json!([text]).to_string();
    let printed = rpc(&["call", &peer.url(), "m", "-", "--curl"]).input(params).run().await;
    let script = std::env::temp_dir().join(format!("rpc-cli-curl-{}.sh", std::process::id()));
    std::fs::write(&script, printed.stdout).unwrap();
    let answer: Value = serde_json::from_str(&sh(&format!("sh {}", script.display())).await).unwrap();
    std::fs::remove_file(&script).unwrap();
    assert_eq!(answer["result"][0], text);
}

#[tokio::test]
async fn http2_is_used_by_both() {
    let server =
        Server::builder().method("version", |cx: Context| async move { cx.headers().contains_key("host") }).build();
    let url = format!("http://{}", support::serve(&server).await);
    // Only HTTP/1.1 has the header `host`.
    let args = ["call", &url, "version", "--readonly"];
    assert_eq!(rpc(&args).run().await.stdout, "true\n");
    assert_eq!(rpc(&[&args[..], &["--http2"]].concat()).run().await.stdout, "false\n");
    let printed = rpc(&[&args[..], &["--http2", "--curl"]].concat()).run().await;
    assert!(sh(&printed.stdout).await.contains("\"result\":false"), "{}", printed.stdout);
}

/// Makes JSON of any form, with numbers and strings of any kind.
fn any_json() -> impl Strategy<Value = String> {
    let number = prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<f64>()
            .prop_filter("JSON has no infinity", |number| number.is_finite())
            .prop_map(|number| json!(number).to_string()),
        "-?[1-9][0-9]{0,40}(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,2})?",
    ];
    let string = prop_oneof![any::<String>(), "['\"\\\\$`!\n\t{}@;&|<> é\u{1f600}-]{0,20}"];
    let string = string.prop_map(|text| json!(text).to_string());
    let scalar =
        prop_oneof![Just("null".to_owned()), any::<bool>().prop_map(|value| value.to_string()), number, string.clone()];
    let list = |items: Vec<String>| format!("[{}]", items.join(","));
    let value = scalar.prop_recursive(3, 20, 5, move |inner| {
        let members = prop::collection::btree_map(any::<String>(), inner.clone(), 0..4);
        prop_oneof![prop::collection::vec(inner, 0..5).prop_map(list), members.prop_map(object)]
    });
    prop_oneof![
        prop::collection::vec(value.clone(), 0..5).prop_map(list),
        prop::collection::btree_map(any::<String>(), value, 0..5).prop_map(object),
    ]
}

fn object(members: std::collections::BTreeMap<String, String>) -> String {
    let members = members.into_iter().map(|(name, value)| format!("{}:{value}", json!(name)));
    format!("{{{}}}", members.collect::<Vec<_>>().join(","))
}

#[test]
fn any_params_pass_through_standard_input_and_curl_byte_for_byte() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let peer = runtime.block_on(echo());
    let config = Config { cases: 24, failure_persistence: None, ..Config::default() };
    let passed = TestRunner::new(config).run(&any_json(), |params| {
        runtime.block_on(async {
            let called = rpc(&["call", &peer.url(), "m", "@-", "--readonly"]).input(params.clone()).run().await;
            assert_eq!(called.stdout, format!("{params}\n"), "{}", called.stderr);
            let printed = rpc(&["call", &peer.url(), "m", "@-", "--curl"]).input(params.clone()).run().await;
            let answer = sh(&printed.stdout).await;
            assert!(answer.ends_with(&format!("\"result\":{params}}}")), "{answer}");
        });
        Ok(())
    });
    passed.unwrap();
}
