//! Section 5: answers have a result or an error, and what an error may contain.

use crate::conformance::row::{Row, error, exactly, internal, not_found, nothing, result, row, run};

const DECLARED: &[Row] = &[
    row("5", "a result", r#"{"jsonrpc":"2.0","method":"divide","params":[7,2],"id":1}"#, result("3", "1")),
    row(
        "5.1",
        "a declared error has its fields as data",
        r#"{"jsonrpc":"2.0","method":"divide","params":[7,0],"id":1}"#,
        error(1001, "cannot divide 7 by zero", r#"{"dividend":7}"#, "1"),
    ),
    row("5.1", "any code: 0", r#"{"jsonrpc":"2.0","method":"fail","params":[0,"a"],"id":1}"#, error(0, "a", "", "1")),
    row(
        "5.1",
        "any code: of the range that services may use",
        r#"{"jsonrpc":"2.0","method":"fail","params":[-32000,"a"],"id":1}"#,
        error(-32000, "a", "", "1"),
    ),
    row(
        "5.1",
        "any code: the smallest",
        r#"{"jsonrpc":"2.0","method":"fail","params":[-9223372036854775808,"a"],"id":1}"#,
        error(i64::MIN, "a", "", "1"),
    ),
    row(
        "5.1",
        "any message",
        r#"{"jsonrpc":"2.0","method":"fail","params":[1,"\"\u0000é"],"id":1}"#,
        exactly("{\"jsonrpc\":\"2.0\",\"error\":{\"code\":1,\"message\":\"\\\"\\u0000é\"},\"id\":1}"),
    )
    .status(1),
    row(
        "5.1",
        "null as data is not left out",
        r#"{"jsonrpc":"2.0","method":"fail.with_null","id":1}"#,
        error(7, "seven", "null", "1"),
    ),
    row(
        "5.1",
        "an unknown method",
        r#"{"jsonrpc":"2.0","method":"nowhere","params":[1],"id":"x"}"#,
        not_found(r#""x""#),
    ),
];

/// The exact answers show that they contain neither the panic's text nor the types.
const INTERNAL: &[Row] = &[
    row("wire", "a panic, sync", r#"{"jsonrpc":"2.0","method":"panic_sync","id":1}"#, internal("1")),
    row("wire", "a panic, async", r#"{"jsonrpc":"2.0","method":"panic_async","id":"a"}"#, internal(r#""a""#)),
    row("wire", "a panic, closure", r#"{"jsonrpc":"2.0","method":"panic.closure","id":1e30}"#, internal("1e30")),
    row("wire", "a panic before the future", r#"{"jsonrpc":"2.0","method":"panic.start","id":2}"#, internal("2")),
    row("wire", "a panic in Serialize", r#"{"jsonrpc":"2.0","method":"panic.serialize","id":3}"#, internal("3")),
    row(
        "wire",
        "a result that fails to serialize",
        r#"{"jsonrpc":"2.0","method":"unserializable","id":4}"#,
        internal("4"),
    ),
    row("wire", "a result that is no JSON", r#"{"jsonrpc":"2.0","method":"map_with_odd_keys","id":5}"#, internal("5")),
    row("wire", "with the id null", r#"{"jsonrpc":"2.0","method":"panic_sync","id":null}"#, internal("null")),
    row("wire", "a notification that panics", r#"{"jsonrpc":"2.0","method":"panic_sync"}"#, nothing()),
    row("wire", "a notification that panics later", r#"{"jsonrpc":"2.0","method":"panic_async"}"#, nothing()),
    row(
        "wire",
        "each entry of a batch is answered for itself",
        r#"[{"jsonrpc":"2.0","method":"panic_async","id":1},{"jsonrpc":"2.0","method":"panic.serialize","id":2},
            {"jsonrpc":"2.0","method":"panic_sync"},{"jsonrpc":"2.0","method":"ping","id":3}]"#,
        exactly(concat!(
            r#"[{"jsonrpc":"2.0","error":{"code":-32603,"message":"Internal error"},"id":1},"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32603,"message":"Internal error"},"id":2},"#,
            r#"{"jsonrpc":"2.0","result":"pong","id":3}]"#,
        )),
    )
    .status(2),
    row("wire", "and the server goes on", r#"{"jsonrpc":"2.0","method":"ping","id":6}"#, result(r#""pong""#, "6")),
];

#[tokio::test]
async fn declared_errors_arrive_as_declared() {
    run(DECLARED).await;
}

#[tokio::test]
async fn panics_and_unserializable_results_are_internal_errors_that_tell_nothing() {
    run(INTERNAL).await;
}
