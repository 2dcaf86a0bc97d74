//! `rpc list`.

use serde_json::{Value, json};

use crate::binary::{Terminal, rpc};
use crate::users;

const NAMES: [&str; 8] =
    ["rpc.discover", "rpc.health", "user.add", "user.clear", "user.get", "user.list", "user.rename", "user.search"];

#[tokio::test]
async fn a_pipe_gets_names_and_with_long_also_summaries() {
    let url = users::serve().await;
    let ended = rpc(&["list", &url]).run().await;
    assert_eq!((ended.exit, &*ended.stderr), (0, ""));
    let mut names: Vec<_> = ended.stdout.lines().collect();
    names.sort_unstable();
    assert_eq!(names, NAMES);
    let ended = rpc(&["list", &url, "user", "--long"]).run().await;
    assert_eq!((ended.exit, &*ended.stderr), (0, ""));
    let mut lines: Vec<_> = ended.stdout.lines().collect();
    lines.sort_unstable();
    let expected = [
        "user.add\tAdds a user.",
        "user.clear\t(deprecated) Removes all users.",
        "user.get\tLooks a user up.",
        "user.list\tLists users.",
        "user.rename\tRenames a user.",
        "user.search\tSearches users.",
    ];
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn json_is_one_array() {
    let ended = rpc(&["list", &users::serve().await, "user.[cg]*", "--json"]).run().await;
    assert_eq!((&*ended.stdout, ended.exit), ("[]\n", 0));
    let ended = rpc(&["list", &users::serve().await, "user.?e*", "--json"]).run().await;
    let methods: Value = serde_json::from_str(&ended.stdout).unwrap();
    let expected = json!([
        { "name": "user.get", "deprecated": false, "summary": "Looks a user up.", "tags": ["Users"] },
        { "name": "user.rename", "deprecated": false, "summary": "Renames a user.", "tags": ["Users"] },
        { "name": "user.search", "deprecated": false, "summary": "Searches users.", "tags": ["Users"] },
    ]);
    assert_eq!(sorted(&methods), expected);
}

fn sorted(methods: &Value) -> Value {
    let mut methods = methods.as_array().unwrap().clone();
    methods.sort_by_key(|method| method["name"].to_string());
    methods.into()
}

#[tokio::test]
async fn no_match_is_told_and_no_error() {
    let ended = rpc(&["list", &users::serve().await, "order.*"]).run().await;
    assert_eq!((ended.exit, &*ended.stdout, &*ended.stderr), (0, "", "no method has such a name\n"));
}

#[tokio::test]
async fn a_terminal_shows_aligned_groups() {
    let url = users::serve().await;
    let (exit, shown) = Terminal::start(rpc(&["list", &url, "--color", "never"])).ended().await;
    assert_eq!(exit, 0);
    assert!(shown.starts_with("Users\n  user."), "{shown}");
    for line in
        ["\n  user.get      Looks a user up.\n", "\n  user.clear    (deprecated) Removes all users.\n", "\n\nrpc\n"]
    {
        assert!(shown.contains(line), "{line:?}: {shown}");
    }
    let (_, colored) = Terminal::start(rpc(&["list", &url, "user.get"])).ended().await;
    assert_eq!(colored, "\u{1b}[32muser.get\u{1b}[0m  Looks a user up.\n");
    let (_, plain) = Terminal::start(rpc(&["list", &url, "user.get"]).env("NO_COLOR", "1")).ended().await;
    assert_eq!(plain, "user.get  Looks a user up.\n");
}

#[tokio::test]
async fn names_cannot_control_a_terminal() {
    let document = json!({
        "openrpc": "1.3.2",
        "info": { "title": "t", "version": "1" },
        "methods": [{ "name": "a\u{1b}[2J\nb", "params": [], "summary": "x\u{7}\ny" }],
    });
    let ended = rpc(&["list", "-", "-l"]).input(document.to_string()).run().await;
    assert_eq!(ended.stdout, "a [2J b\tx\n");
}
