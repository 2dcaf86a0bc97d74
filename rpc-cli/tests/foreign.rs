//! `rpc` with servers of other makers, which know neither our headers nor our keys. All serve the shelf of
//! `tests/foreign`. Only pjrpc describes its methods.

use serde_json::{Value, json};
use support::foreign::{ForeignServer, Language};

use crate::binary::{Ended, rpc};

impl Foreign {
    /// Starts all servers that are installed.
    async fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for server in ForeignServer::ALL {
            all.extend(ForeignServer::start(server).await.map(Self));
        }
        all
    }

    /// Runs a command with the server's address behind its name.
    async fn rpc(&self, command: &str, args: &[&str]) -> Ended {
        self.rpc_with_input(command, args, "").await
    }

    async fn rpc_with_input(&self, command: &str, args: &[&str], input: &str) -> Ended {
        rpc(&[&[command, &self.0.url], args].concat()).input(input).run().await
    }

    /// Calls a method without an effect.
    async fn notes(&self) -> Value {
        json(&self.rpc("call", &["shelf.notes", "--readonly"]).await.stdout)
    }
}

/// A server of another maker.
struct Foreign(ForeignServer);

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text:?}"))
}

/// Checks that a command succeeded and printed this JSON and nothing else.
#[track_caller]
fn assert_result(server: &Foreign, ended: &Ended, expected: &Value) {
    let script = server.0.script;
    assert_eq!((ended.exit, ended.stderr.as_str()), (0, ""), "{script}");
    assert_eq!(&json(&ended.stdout), expected, "{script}");
}

#[tokio::test]
async fn calls_are_answered_with_params_as_json_and_by_name() {
    for server in Foreign::all().await {
        let ended = server.rpc("call", &["shelf.add", "[2, 3]", "--readonly"]).await;
        assert_result(&server, &ended, &json!(5));
        let ended = server.rpc("call", &["shelf.add", r#"{"b": 1, "a": -2}"#]).await;
        assert_result(&server, &ended, &json!(-1));
        let ended = server.rpc("call", &["shelf.add", "a=2", "b=3"]).await;
        assert_result(&server, &ended, &json!(5));
        let ended = server.rpc("call", &["shelf.put", "name=pen", "count=7"]).await;
        assert_result(&server, &ended, &json!({ "name": "pen", "count": 7 }));
        let ended = server.rpc_with_input("call", &["shelf.put", "@-"], r#"["ink"]"#).await;
        assert_result(&server, &ended, &json!({ "name": "ink", "count": 1 }));
        assert_eq!(server.notes().await, json!(["put pen", "put ink"]), "{}", server.0.script);
    }
}

#[tokio::test]
async fn values_are_printed_as_the_server_wrote_them() {
    let values = r#"["Grüße, 世界",9007199254740991,{"":[null,true]},"\"\\/"]"#;
    for server in Foreign::all().await {
        let ended = server.rpc_with_input("call", &["shelf.echo", "@-"], &format!("[{values}]")).await;
        assert_result(&server, &ended, &json(values));
    }
}

#[tokio::test]
async fn an_error_of_a_server_is_shown_and_is_exit_code_1() {
    for server in Foreign::all().await {
        let script = server.0.script;
        let ended = server.rpc("call", &["shelf.put", "name=piano", "count=101"]).await;
        assert_eq!((ended.exit, ended.stdout.as_str()), (1, ""), "{script}");
        assert!(ended.stderr.contains("no room for piano") && ended.stderr.contains("1001"), "{script}: {ended:?}");
        for (args, code) in [(&["shelf.lost"][..], -32601), (&["shelf.add", "[1]"], -32602)] {
            let ended = server.rpc("call", &[args, &["--json"]].concat()).await;
            let error = json(&ended.stderr);
            let (exit, stdout) = (ended.exit, ended.stdout.as_str());
            assert_eq!((exit, stdout, &error["error"]["code"]), (1, "", &json!(code)), "{script}: {error}");
            assert_eq!(error["exit"], 1, "{script}");
        }
        assert_eq!(server.notes().await, json!([]), "{script}");
    }
}

#[tokio::test]
async fn a_notification_prints_nothing_and_runs() {
    for server in Foreign::all().await {
        let ended = server.rpc("call", &["shelf.note", "text=alone", "--notify"]).await;
        let nothing = Ended { exit: 0, stdout: String::new(), stderr: String::new() };
        assert_eq!(ended, nothing, "{}", server.0.script);
        assert_eq!(server.notes().await, json!(["alone"]), "{}", server.0.script);
    }
}

/// The call runs, and then the server cuts the connection.
#[tokio::test]
async fn a_lost_answer_is_exit_code_6_and_the_call_ran_once() {
    for server in Foreign::all().await {
        let ended = server.rpc("call", &["shelf.put", "name=vanish"]).await;
        assert_eq!((ended.exit, ended.stdout.as_str()), (6, ""), "{}: {ended:?}", server.0.script);
        assert_eq!(server.notes().await, json!(["put vanish"]), "{}", server.0.script);
    }
}

#[tokio::test]
async fn a_batch_prints_a_line_for_each_call_in_order() {
    let calls = r#"{"method": "shelf.add", "params": [2, 3], "id": "first"}
{"method": "shelf.note", "params": ["beside"], "notify": true}
{"method": "shelf.put", "params": {"name": "piano", "count": 101}}
{"method": "shelf.lost"}
{"method": "shelf.echo", "params": [null], "readonly": true}
"#;
    for server in Foreign::all().await {
        let script = server.0.script;
        let ended = server.rpc_with_input("batch", &["-"], calls).await;
        let lines: Vec<_> = ended.stdout.lines().map(json).collect();
        let of = |number: u64| lines.iter().find(|line| line["line"] == number).unwrap_or(&Value::Null);
        assert_eq!(of(1), &json!({ "line": 1, "id": "first", "result": 5 }), "{script}");
        assert_eq!((&of(3)["error"]["code"], &of(3)["exit"]), (&json!(1001), &json!(1)), "{script}");
        assert_eq!(of(4)["error"]["code"], -32601, "{script}");
        assert_eq!(of(5).get("result"), Some(&Value::Null), "{script}");
        let numbers: Vec<_> = lines.iter().filter_map(|line| line["line"].as_u64()).collect();
        assert!(numbers.is_sorted(), "{script}: {numbers:?}");
        assert_eq!((ended.exit, ended.stderr.as_str()), (1, ""), "{script}");
        assert_eq!(server.notes().await, json!(["beside"]), "{script}");
    }
}

#[tokio::test]
async fn a_bench_makes_the_calls_that_it_reports() {
    for server in Foreign::all().await {
        let script = server.0.script;
        let loads = [(&["-c2"][..], 30), (&["--rate=300"], 30), (&["--batch=5", "-c2"], 30)];
        for (load, calls) in loads {
            let before = server.notes().await.as_array().unwrap().len();
            let requests = format!("--requests={calls}");
            let args = ["shelf.note", r#"["{{n}}"]"#, "--yes", "--json", &requests];
            let ended = server.rpc("bench", &[&args, load].concat()).await;
            assert_eq!((ended.exit, ended.stderr.as_str()), (0, ""), "{script}");
            assert_eq!(json(&ended.stdout)["results"], calls, "{script}");
            assert_eq!(server.notes().await.as_array().unwrap().len() - before, calls, "{script}");
        }
    }
}

#[tokio::test]
async fn a_bench_counts_errors() {
    for server in Foreign::all().await {
        let args = ["shelf.put", "name=piano", "count=101", "--yes", "--json", "--requests=10", "-c2"];
        let ended = server.rpc("bench", &args).await;
        let report = json(&ended.stdout);
        assert_eq!((ended.exit, &report["failures"]), (1, &json!(10)), "{}: {ended:?}", server.0.script);
        assert_eq!(report["failed"][0]["exit"], 1, "{}", server.0.script);
    }
}

#[tokio::test]
async fn a_described_server_is_listed_and_its_params_are_typed() {
    let Some(server) = ForeignServer::start((Language::Python, "server_pjrpc.py")).await.map(Foreign) else { return };
    let ended = server.rpc("list", &[]).await;
    let names: Vec<_> = ended.stdout.lines().collect();
    assert_eq!(names, ["shelf.add", "shelf.echo", "shelf.put", "shelf.note", "shelf.notes", "shelf.fail"]);
    assert_eq!((ended.exit, ended.stderr.as_str()), (0, ""));

    let ended = server.rpc("describe", &["shelf.put"]).await;
    assert_eq!((ended.exit, ended.stderr.as_str()), (0, ""));
    for part in ["shelf.put(name: string, count?: integer", "Puts things on the shelf", "1001"] {
        assert!(ended.stdout.contains(part), "{part}: {}", ended.stdout);
    }

    // Without the description, the name would be a number.
    let ended = server.rpc("call", &["shelf.put", "name=7"]).await;
    assert_result(&server, &ended, &json!({ "name": "7", "count": 1 }));
    let ended = server.rpc("call", &["shelf.put", "nam=7"]).await;
    assert_eq!((ended.exit, ended.stdout.as_str()), (2, ""));
    assert!(ended.stderr.contains("nam") && ended.stderr.contains("name"), "{}", ended.stderr);
}

#[tokio::test]
async fn a_server_without_a_description_is_an_error_that_names_the_option() {
    for server in Foreign::all().await.into_iter().filter(|server| server.0.script != "server_pjrpc.py") {
        for args in [&["list"][..], &["describe", "shelf.add"]] {
            let ended = server.rpc(args[0], &args[1..]).await;
            assert!(![0, 1].contains(&ended.exit) && ended.stdout.is_empty(), "{}: {ended:?}", server.0.script);
            assert!(ended.stderr.contains("--description"), "{}: {ended:?}", server.0.script);
        }
    }
}

#[tokio::test]
async fn a_server_that_tells_no_health_is_said_to_answer() {
    for server in Foreign::all().await {
        let ended = server.rpc("health", &[]).await;
        assert_eq!(ended.exit, 0, "{}: {ended:?}", server.0.script);
        assert_eq!((ended.exit, json(&ended.stdout)), (0, json!({ "status": "unknown" })), "{}", server.0.script);
        assert!(ended.stderr.contains("rpc.health"), "{}: {ended:?}", server.0.script);
    }
}
