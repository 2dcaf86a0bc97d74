//! `rpc describe`.

use serde_json::{Value, json};

use crate::binary::{Terminal, rpc};
use crate::users;

const GET: &str = "\
user.get(id: integer, depth?: integer = 2) -> User

Looks a user up.

Users that were deleted are not found.

Params
  id     integer
  depth  integer  Default: 2.

Result
  User

Types
  User = {
    email: string | null
    friends: User[]       // Those who were invited.
    id: integer           // The number of the account.
    name: string
  }

Errors
  1001  Unknown  user {id} is unknown   data: { id: integer }
  1002  Busy     the directory is busy  may be retried

Behaviour
  Effect   none: the call only reads, and clients retry it
  Aliases  user.find
  Tags     Users

Example
  rpc call URL user.get id=1
";

#[tokio::test]
async fn a_method_is_described_with_all_that_it_has() {
    let url = users::serve().await;
    let expected = GET.replace("URL", &url);
    // By its alias too.
    for name in ["user.get", "user.find"] {
        let ended = rpc(&["describe", &url, name]).run().await;
        assert_eq!((ended.exit, &*ended.stderr), (0, ""));
        assert_eq!(ended.stdout, expected);
    }
    let (exit, shown) = Terminal::start(rpc(&["describe", &url, "user.get"])).ended().await;
    assert_eq!(exit, 0);
    assert!(shown.starts_with("\u{1b}[1m\u{1b}[32muser.get\u{1b}[0m(id: \u{1b}[36minteger\u{1b}[0m"), "{shown}");
    let (_, plain) = Terminal::start(rpc(&["describe", &url, "user.get"]).env("NO_COLOR", "1")).ended().await;
    assert_eq!(plain, expected);
}

#[tokio::test]
async fn the_example_of_each_method_works() {
    let url = users::serve().await;
    let names = rpc(&["list", &url]).run().await.stdout;
    let mut count = 0;
    for name in names.lines() {
        let text = rpc(&["describe", &url, name]).run().await.stdout;
        let line = text.lines().last().unwrap().trim().to_owned();
        let program = env!("CARGO_BIN_EXE_rpc");
        let output = tokio::process::Command::new("sh")
            .args(["-c", &line.replacen("rpc", program, 1)])
            .env("XDG_CONFIG_HOME", "/nonexistent")
            .output()
            .await
            .unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
        count += 1;
    }
    assert_eq!(count, 8);
}

#[tokio::test]
async fn other_forms_of_methods_are_described() {
    let url = users::serve().await;
    let describe = async |name: &str| rpc(&["describe", &url, name]).run().await.stdout;
    let list = describe("user.list").await;
    assert!(list.starts_with("user.list(order?: Order | null, active?: boolean | null) -> User[]\n"), "{list}");
    assert!(list.contains("\n  Order = \"asc\" | \"desc\"\n"), "{list}");
    assert!(list.contains("\n  Timeout  10s in the server\n"), "{list}");
    assert!(list.ends_with(" user.list\n"), "{list}");
    let clear = describe("user.clear").await;
    assert!(clear.starts_with("user.clear() -> null\nDeprecated.\n\nRemoves all users.\n"), "{clear}");
    let rename = describe("user.rename").await;
    assert!(rename.contains("Effect  idempotent: running twice has the effect of once"), "{rename}");
    assert!(rename.contains("user.rename id=1 name=text\n"), "{rename}");
    let search = describe("user.search").await;
    assert!(search.starts_with("user.search(text: string, limit?: integer | null) -> User[]\n"), "{search}");
    assert!(search.contains("\nParams, by name only\n"), "{search}");
}

#[tokio::test]
async fn json_is_the_object_of_the_method_with_its_schemas() {
    let ended = rpc(&["describe", &users::serve().await, "user.get", "--json"]).run().await;
    assert_eq!((ended.exit, ended.stdout.lines().count()), (0, 1));
    let method: Value = serde_json::from_str(&ended.stdout).unwrap();
    assert_eq!(method["name"], "user.get");
    assert_eq!(method["result"]["schema"]["$ref"], "#/components/schemas/User");
    assert_eq!(method["x-aliases"], json!(["user.find"]));
    assert_eq!(method["tags"][0]["name"], "Users");
    let schemas = method["components"]["schemas"].as_object().unwrap();
    assert_eq!(schemas.keys().collect::<Vec<_>>(), ["User"]);
}

#[tokio::test]
async fn without_a_method_the_server_is_described() {
    let url = users::serve().await;
    let ended = rpc(&["describe", &url]).run().await;
    let expected = "\
Users 1.2.3

Keeps user accounts.

  OpenRPC  1.3.2
  Methods  8

Tags
  Users  6 methods  User accounts.
";
    assert_eq!((ended.exit, &*ended.stdout, &*ended.stderr), (0, expected, ""));
    let ended = rpc(&["describe", &url, "--json"]).run().await;
    let document: Value = serde_json::from_str(&ended.stdout).unwrap();
    let expected = json!({
        "openrpc": "1.3.2",
        "info": { "title": "Users", "version": "1.2.3", "description": "Keeps user accounts." },
        "methods": 8,
    });
    assert_eq!(document, expected);
}

#[tokio::test]
async fn an_unknown_method_is_an_error_with_the_nearest_names() {
    let url = users::serve().await;
    let ended = rpc(&["describe", &url, "user.gte"]).run().await;
    assert_eq!((ended.exit, &*ended.stdout), (2, ""));
    assert!(
        ended.stderr.starts_with("error: there is no method \"user.gte\": did you mean `user.get`"),
        "{}",
        ended.stderr
    );
    let ended = rpc(&["describe", &url, "zzzzzzzzz"]).run().await;
    assert_eq!(ended.stderr, "error: there is no method \"zzzzzzzzz\": `rpc list` shows all methods\n");
}

#[tokio::test]
async fn a_foreign_document_is_described() {
    let document = json!({
        "openrpc": "1.2.6",
        "info": { "title": "Pets", "version": "1", "license": { "name": "MIT" } },
        "servers": [{ "name": "main", "url": "http://localhost:8080" }],
        "methods": [{
            "name": "list_pets",
            "description": "A long text. ".repeat(10),
            "paramStructure": "by-position",
            "params": [
                { "name": "limit", "description": "How many", "required": true,
                  "schema": { "type": "integer", "minimum": 1, "maximum": 100 } },
                { "$ref": "#/components/contentDescriptors/Tag" },
            ],
            "result": { "name": "pets", "schema": { "type": "array", "items": { "$ref": "#/components/schemas/Pet" } } },
            "errors": [{ "code": 100, "message": "pets busy" }],
            "examples": [{ "name": "e", "params": [{ "name": "limit", "value": 7 }], "result": { "name": "r", "value": [] } }],
        }],
        "components": {
            "contentDescriptors": { "Tag": { "name": "tag", "schema": { "type": "string" } } },
            "schemas": { "Pet": { "allOf": [{ "$ref": "#/components/schemas/New" }, { "required": ["id"] }] },
                         "New": { "type": "object", "properties": { "name": { "type": "string" } } } },
        },
    });
    let ended = rpc(&["describe", "-", "list_pets"]).input(document.to_string()).run().await;
    let expected = "\
list_pets(limit: integer, tag?: string) -> Pet[]

A long text. A long text. A long text. A long text. A long text. A long text. A long text. A long
text. A long text. A long text.

Params, by position only
  limit  integer  How many. At least 1, at most 100.
  tag    string   Optional.

Result
  Pet[]

Types
  Pet = New
  New = { name?: string }

Errors
  100    pets busy

Example
  rpc call http://localhost:8080 list_pets limit=7
";
    assert_eq!((ended.exit, &*ended.stderr), (0, ""));
    assert_eq!(ended.stdout, expected);
    let ended = rpc(&["describe", "-"]).input(document.to_string()).run().await;
    assert!(ended.stdout.contains("  Server   http://localhost:8080  main\n  License  MIT\n"), "{}", ended.stdout);
}

/// Writes a document to a file of this name. Returns its path.
fn file(name: &str, document: &Value) -> String {
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, document.to_string()).unwrap();
    path.to_str().unwrap().to_owned()
}

#[tokio::test]
async fn a_document_cannot_control_the_terminal() {
    let evil = "a\u{1b}]0;x\u{7}\u{9b}\u{202e}\nerror: b";
    let param = json!({ "name": "p", "required": true, "schema": { "const": evil } });
    let path = file(
        "evil.json",
        &json!({
            "openrpc": "1.3.2",
            "info": { "title": evil, "version": evil },
            "methods": [{ "name": evil, "params": [] }, { "name": "m", "params": [param] }],
        }),
    );
    for args in [&["describe", &*path] as &[_], &["describe", &path, "m"], &["describe", &path, "a"]] {
        for more in [&["--color", "never"] as &[_], &["--json"]] {
            let (_, shown) = Terminal::start(rpc(&[args, more].concat())).ended().await;
            assert!(!shown.contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}']), "{shown:?}");
            assert!(!shown.contains("\nerror: b"), "{shown:?}");
        }
    }
}

#[tokio::test]
async fn references_do_not_multiply_a_description() {
    let long = json!({ "name": "p", "description": "x".repeat(500_000), "schema": { "type": "string" } });
    let params = vec![json!({ "$ref": "#/components/contentDescriptors/P" }); 300];
    let path = file(
        "long.json",
        &json!({
            "openrpc": "1.3.2",
            "info": { "title": "t", "version": "1" },
            "methods": [{ "name": "m", "params": params }],
            "components": { "contentDescriptors": { "P": long } },
        }),
    );
    let ended = rpc(&["describe", &path, "m", "--json"]).run().await;
    assert_eq!((ended.exit, &*ended.stdout), (2, ""));
    assert!(ended.stderr.contains("longer than 64 MiB"), "{}", ended.stderr);
    let ended = rpc(&["describe", &path, "m"]).run().await;
    assert_eq!(ended.exit, 0, "{}", ended.stderr);
    assert!(ended.stdout.len() < 2 << 20);
}
