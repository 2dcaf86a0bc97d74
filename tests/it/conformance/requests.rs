//! Section 4: what a request object is.

use crate::conformance::row::{Row, invalid, not_found, result, row, run};

const VERSION: &str = r#""member \"jsonrpc\" must be the string \"2.0\"""#;
const METHOD: &str = r#""member \"method\" must be a string""#;
const TWICE: &str = r#""a request must not have a member twice""#;

const ROWS: &[Row] = &[
    row(
        "4",
        "jsonrpc MUST be there",
        r#"{"method":"ping","id":1}"#,
        invalid(r#""member \"jsonrpc\" is missing""#, "1"),
    ),
    row("4", "jsonrpc MUST be exactly 2.0", r#"{"jsonrpc":"1.0","method":"ping","id":1}"#, invalid(VERSION, "1")),
    row("4", "jsonrpc has no more digits", r#"{"jsonrpc":"2.00","method":"ping","id":1}"#, invalid(VERSION, "1")),
    row("4", "jsonrpc is a string", r#"{"jsonrpc":2.0,"method":"ping","id":1}"#, invalid(VERSION, "1")),
    row("4", "jsonrpc is not null", r#"{"jsonrpc":null,"method":"ping","id":1}"#, invalid(VERSION, "1")),
    row(
        "4",
        "an escaped version is the same",
        r#"{"jsonrpc":"\u0032.0","method":"ping","id":1}"#,
        result(r#""pong""#, "1"),
    ),
    row("4", "method MUST be there", r#"{"jsonrpc":"2.0","id":1}"#, invalid(r#""member \"method\" is missing""#, "1")),
    row("4", "method is not null", r#"{"jsonrpc":"2.0","method":null,"id":1}"#, invalid(METHOD, "1")),
    row("4", "method is not an array", r#"{"jsonrpc":"2.0","method":["ping"],"id":1}"#, invalid(METHOD, "1")),
    row(
        "4",
        "an answer is no request",
        r#"{"jsonrpc":"2.0","result":19,"id":1}"#,
        invalid(r#""member \"method\" is missing""#, "1"),
    ),
    row("4", "method names are case-sensitive", r#"{"jsonrpc":"2.0","method":"Ping","id":1}"#, not_found("1")),
    row("4", "method names are not trimmed", r#"{"jsonrpc":"2.0","method":"ping ","id":1}"#, not_found("1")),
    row("4", "any string may be a name", r#"{"jsonrpc":"2.0","method":"","id":1}"#, result(r#""the empty name""#, "1")),
    row(
        "4",
        "names beginning with rpc. are reserved",
        r#"{"jsonrpc":"2.0","method":"rpc.discover","id":1}"#,
        not_found("1"),
    ),
    row("4", "an alias is a name too", r#"{"jsonrpc":"2.0","method":"minus","params":[3,1],"id":1}"#, result("2", "1")),
    row(
        "4",
        "members may stand in any order",
        r#"{"id":1,"params":[3,1],"method":"subtract","jsonrpc":"2.0"}"#,
        result("2", "1"),
    ),
    row(
        "4",
        "member names are case-sensitive",
        r#"{"JSONRPC":"2.0","Method":"ping","ID":1}"#,
        invalid(r#""member \"jsonrpc\" is missing""#, "null"),
    ),
    row(
        "wire",
        "unknown members are ignored",
        r#"{"jsonrpc":"2.0","method":"ping","auth":{"a":[1e999]},"id":1}"#,
        result(r#""pong""#, "1"),
    ),
    row(
        "wire",
        "unknown members may stand twice",
        r#"{"jsonrpc":"2.0","x":1,"x":2,"method":"ping","id":1}"#,
        result(r#""pong""#, "1"),
    ),
    row(
        "wire",
        "an escaped method is the same",
        r#"{"jsonrpc":"2.0","method":"\u0073ubtract","params":[3,1],"id":1}"#,
        result("2", "1"),
    ),
    row(
        "wire",
        "escaped member names are the same",
        r#"{"\u006asonrpc":"2.0","m\u0065thod":"ping","\u0069d":1}"#,
        result(r#""pong""#, "1"),
    ),
    row(
        "wire",
        "an escaped name doubles a plain one",
        r#"{"jsonrpc":"2.0","method":"ping","m\u0065thod":"ping","id":1}"#,
        invalid(TWICE, "1"),
    ),
    row("wire", "two versions", r#"{"jsonrpc":"2.0","jsonrpc":"2.0","method":"ping","id":1}"#, invalid(TWICE, "1")),
    row("wire", "two methods", r#"{"jsonrpc":"2.0","method":"ping","method":"fail","id":1}"#, invalid(TWICE, "1")),
    row(
        "wire",
        "two params",
        r#"{"jsonrpc":"2.0","method":"echo","params":[1],"params":[2],"id":1}"#,
        invalid(TWICE, "1"),
    ),
    row(
        "wire",
        "two params, both null",
        r#"{"jsonrpc":"2.0","method":"ping","params":null,"params":null,"id":1}"#,
        invalid(TWICE, "1"),
    ),
    row(
        "wire",
        "a doubled notification is no notification",
        r#"{"jsonrpc":"2.0","method":"ping","method":"ping"}"#,
        invalid(TWICE, "null"),
    ),
    row("4", "a request is an object: number", "17", invalid(r#""a request must be an object""#, "null")),
    row("4", "a request is an object: large number", "1e400", invalid(r#""a request must be an object""#, "null")),
    row("4", "a request is an object: string", r#""ping""#, invalid(r#""a request must be an object""#, "null")),
    row("4", "a request is an object: true", "true", invalid(r#""a request must be an object""#, "null")),
    row("4", "a request is an object: null", "null", invalid(r#""a request must be an object""#, "null")),
    row("4", "an empty object", "{}", invalid(r#""member \"jsonrpc\" is missing""#, "null")),
];

#[tokio::test]
async fn requests_are_what_section_4_says() {
    run(ROWS).await;
}
