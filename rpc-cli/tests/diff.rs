//! `rpc diff`.

use std::path::PathBuf;

use serde_json::{Value, json};
use support::Peer;

use crate::binary::{Ended, RpcCommand, Terminal, rpc};
use crate::descriptions::tempdir;
use crate::users;

/// Two descriptions as files.
struct Files {
    directory: PathBuf,
    old: String,
    new: String,
}

fn method(name: &str, params: &Value, effect: &str) -> Value {
    let result = json!({ "name": "result", "schema": { "type": "string" } });
    json!({ "name": name, "params": params, "result": result, "x-effect": effect })
}

fn document(methods: &[Value]) -> Value {
    json!({ "openrpc": "1.3.2", "info": { "title": "t", "version": "1" }, "methods": methods })
}

fn id(schema: &Value) -> Value {
    json!([{ "name": "id", "required": true, "schema": schema }])
}

impl Files {
    fn new(name: &str, old: &Value, new: &Value) -> Self {
        let directory = tempdir().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        let write = |name: &str, document: &Value| {
            let path = directory.join(name);
            std::fs::write(&path, document.to_string()).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let (old, new) = (write("old.json", old), write("new.json", new));
        Self { directory, old, new }
    }

    /// A pair with a change of the wire, one of the behaviour and one that is compatible.
    fn changed(name: &str) -> Self {
        let old = [
            method("user.get", &id(&json!({ "type": ["integer", "string"] })), "none"),
            method("user.add", &json!([]), "idempotent"),
        ];
        let new = [
            method("user.get", &id(&json!({ "type": "integer" })), "none"),
            method("user.add", &json!([]), "once"),
            method("user.new", &json!([]), "once"),
        ];
        Self::new(name, &document(&old), &document(&new))
    }

    fn diff(&self, options: &[&str]) -> RpcCommand {
        rpc(&[&["diff", &self.old, &self.new], options].concat())
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

fn levels(ended: &Ended) -> Vec<&str> {
    ended.stdout.lines().map(|line| line.split("  ").next().unwrap()).collect()
}

#[tokio::test]
async fn breaking_changes_are_lines_and_exit_1() {
    let files = Files::changed("lines");
    let ended = files.diff(&[]).run().await;
    assert_eq!((ended.exit, &*ended.stderr), (1, ""));
    assert_eq!(levels(&ended), ["wire", "behaviour"]);
    assert!(ended.stdout.starts_with("wire  param-type-narrowed  user.get, param `id`"), "{}", ended.stdout);
    assert!(ended.stdout.contains("\nbehaviour  effect-weakened  user.add"), "{}", ended.stdout);
}

#[tokio::test]
async fn levels_choose_what_breaks_and_all_adds_the_rest() {
    let files = Files::changed("levels");
    let cases = [
        (&["--level", "wire"][..], 1, &["wire"][..]),
        (&["--level", "behaviour"], 1, &["behaviour"]),
        (&["--level", "source"], 0, &[]),
        (&["--level", "source,wire"], 1, &["wire"]),
        (&["--level", "behaviour", "--level", "wire"], 1, &["wire", "behaviour"]),
        (&["--all"], 1, &["wire", "behaviour", "compatible"]),
        (&["--all", "--level", "source"], 0, &["compatible"]),
    ];
    for (options, exit, expected) in cases {
        let ended = files.diff(options).run().await;
        assert_eq!((ended.exit, levels(&ended)), (exit, expected.to_vec()), "{options:?}");
        assert_eq!(ended.stderr, "", "{options:?}");
    }
    let ended = files.diff(&["--level", "compatible"]).run().await;
    assert_eq!((ended.exit, &*ended.stdout), (2, ""));
}

#[tokio::test]
async fn json_is_an_object_for_each_change() {
    let ended = Files::changed("json").diff(&["--json", "--all"]).run().await;
    assert_eq!((ended.exit, &*ended.stderr), (1, ""));
    let changes: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let rules: Vec<_> = changes.iter().map(|change| (change["rule"].as_str().unwrap(), &change["breaking"])).collect();
    let (yes, no) = (json!(true), json!(false));
    assert_eq!(rules, [("param-type-narrowed", &yes), ("effect-weakened", &yes), ("method-added", &no)]);
    assert_eq!(changes[0]["level"], "wire");
    assert!(changes[0]["place"].as_str().unwrap().starts_with("user.get"), "{}", changes[0]);
    assert!(changes[0]["message"].is_string());
}

#[tokio::test]
async fn a_terminal_shows_groups_or_that_all_is_compatible() {
    let files = Files::changed("terminal");
    let (exit, shown) = Terminal::start(files.diff(&["--color", "never"])).ended().await;
    assert_eq!(exit, 1);
    assert!(shown.starts_with("wire\n  user.get, param `id`"), "{shown}");
    assert!(shown.contains("  param-type-narrowed\n\nbehaviour\n  user.add"), "{shown}");
    let (_, colored) = Terminal::start(files.diff(&[])).ended().await;
    assert!(colored.starts_with("\u{1b}[1m\u{1b}[31mwire\u{1b}[0m\n"), "{colored}");
    let same = rpc(&["diff", &files.old, &files.old]);
    assert_eq!(Terminal::start(same).ended().await, (0, "compatible\n".to_owned()));
    let same = rpc(&["diff", &files.old, &files.old]).run().await;
    assert_eq!(same, Ended { exit: 0, stdout: String::new(), stderr: String::new() });
}

#[tokio::test]
async fn servers_and_standard_input_are_compared() {
    let url = users::serve().await;
    let document = rpc(&["call", &url, "rpc.discover"]).run().await.stdout;
    let ended = rpc(&["diff", "-", &url]).input(document.clone()).run().await;
    assert_eq!(ended, Ended { exit: 0, stdout: String::new(), stderr: String::new() });
    let mut without: Value = serde_json::from_str(&document).unwrap();
    without["methods"].as_array_mut().unwrap().retain(|method| method["name"] != "user.get");
    let ended = rpc(&["diff", &url, "-"]).input(without.to_string()).run().await;
    assert_eq!(ended.exit, 1);
    assert!(ended.stdout.contains("method-removed  user.get"), "{}", ended.stdout);

    let ended = rpc(&["diff", "-", "-"]).run().await;
    assert_eq!((ended.exit, ended.stderr.contains("only one of the two")), (2, true));
}

#[tokio::test]
async fn failures_have_their_exit_codes() {
    let files = Files::changed("failures");
    let refusing = format!("http://{}", support::refusing());
    assert_eq!(rpc(&["diff", &files.old, &refusing]).run().await.exit, 3);
    let silent = Peer::silent().await.url();
    assert_eq!(rpc(&["diff", &silent, &files.new, "--deadline", "200ms"]).run().await.exit, 5);
    let garbage = Peer::answering(|request| json!({ "jsonrpc": "2.0", "id": request.id(), "result": [] })).await;
    assert_eq!(rpc(&["diff", &files.old, &garbage.url()]).run().await.exit, 7);
    for args in
        [&["diff"][..], &["diff", &files.old], &["diff", "missing.json", &files.new], &["diff", "--rules", "a.json"]]
    {
        let ended = rpc(args).run().await;
        assert_eq!((ended.exit, &*ended.stdout), (2, ""), "{args:?}");
        assert_ne!(ended.stderr, "");
    }
    let ended = files.diff(&["--description", "a.json"]).run().await;
    assert_eq!((ended.exit, ended.stderr.contains("diff has no --description")), (2, true));
}

#[tokio::test]
async fn descriptions_whose_references_lead_to_nothing_are_rejected() {
    let valid = document(&[method("user.get", &json!([]), "none")]);
    let dangling = document(&[json!({ "$ref": "#/components/methods/a" })]);
    let files = Files::new("dangling", &dangling, &valid);
    let ended = files.diff(&[]).run().await;
    assert_eq!((ended.exit, &*ended.stdout), (2, ""));
    let expected = "OLD cannot be compared: methods[0]: `#/components/methods/a` does not refer to a method";
    assert!(ended.stderr.contains(expected), "{}", ended.stderr);
    let ended = rpc(&["diff", &files.new, &files.old]).run().await;
    assert_eq!(ended.exit, 2);
    assert!(ended.stderr.contains("NEW cannot be compared: methods[0]: "), "{}", ended.stderr);
}

#[tokio::test]
async fn the_rules_are_listed() {
    let ended = rpc(&["diff", "--rules"]).run().await;
    assert_eq!((ended.exit, &*ended.stderr), (0, ""));
    let rules: Vec<Vec<&str>> = ended.stdout.lines().map(|line| line.split('\t').collect()).collect();
    assert!(rules.len() > 25 && rules.iter().all(|rule| rule.len() == 3), "{rules:?}");
    assert!(rules.iter().any(|rule| rule[..2] == ["wire", "method-removed"]));
    let ended = rpc(&["diff", "--rules", "--json"]).run().await;
    let first: Value = serde_json::from_str(ended.stdout.lines().next().unwrap()).unwrap();
    assert!(first["meaning"].is_string() && first["before"].is_string() && first["after"].is_string(), "{first}");
    assert_eq!(ended.stdout.lines().count(), rules.len());
    let help = rpc(&["diff", "--help"]).run().await;
    assert!(help.stdout.contains("rpc diff [OPTIONS] <OLD> <NEW>") && help.stdout.contains("<OLD>"), "{}", help.stdout);
    assert!(!help.stdout.contains("<URL>"), "{}", help.stdout);
}
