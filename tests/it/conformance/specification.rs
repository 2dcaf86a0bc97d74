//! The examples of section 7, in order. Answers are compared without the whitespace of the specification's text.

use crate::conformance::row::{Expected, Row, exactly, invalid, not_found, nothing, result, row, run};

const REASON: &str = "the error carries data that says what is wrong, as section 5.1 allows";

const EXAMPLES: &[Row] = &[
    row(
        "7",
        "rpc call with positional parameters",
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": [42, 23], "id": 1}"#,
        result("19", "1"),
    ),
    row(
        "7",
        "rpc call with positional parameters, the other way round",
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": [23, 42], "id": 2}"#,
        result("-19", "2"),
    ),
    row(
        "7",
        "rpc call with named parameters",
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": {"subtrahend": 23, "minuend": 42}, "id": 3}"#,
        result("19", "3"),
    ),
    row(
        "7",
        "rpc call with named parameters in another order",
        r#"{"jsonrpc": "2.0", "method": "subtract", "params": {"minuend": 42, "subtrahend": 23}, "id": 4}"#,
        result("19", "4"),
    ),
    row("7", "a Notification", r#"{"jsonrpc": "2.0", "method": "update", "params": [1,2,3,4,5]}"#, nothing()),
    row("7", "a Notification of a method that is not there", r#"{"jsonrpc": "2.0", "method": "foobar"}"#, nothing()),
    row(
        "7",
        "rpc call of non-existent method",
        r#"{"jsonrpc": "2.0", "method": "foobar", "id": "1"}"#,
        not_found(r#""1""#),
    ),
    row(
        "7",
        "rpc call with invalid JSON",
        r#"{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]"#,
        Expected::ParseError,
    )
    .differs(REASON),
    row(
        "7",
        "rpc call with invalid Request object",
        r#"{"jsonrpc": "2.0", "method": 1, "params": "bar"}"#,
        invalid(r#""member \"method\" must be a string""#, "null"),
    )
    .differs(REASON),
    row(
        "7",
        "rpc call Batch, invalid JSON",
        r#"[
  {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
  {"jsonrpc": "2.0", "method"
]"#,
        Expected::ParseError,
    )
    .differs(REASON),
    row(
        "7",
        "rpc call with an empty Array",
        "[]",
        invalid(r#""a batch must have at least one entry""#, "null"),
    )
    .differs(REASON),
    row(
        "7",
        "rpc call with an invalid Batch (but not empty)",
        "[1]",
        exactly(
            r#"[{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","data":"a request must be an object"},"id":null}]"#,
        ),
    )
    .status(1)
    .differs(REASON),
    row(
        "7",
        "rpc call with invalid Batch",
        "[1,2,3]",
        exactly(concat!(
            r#"[{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","data":"a request must be an object"},"id":null},"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","data":"a request must be an object"},"id":null},"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","data":"a request must be an object"},"id":null}]"#,
        )),
    )
    .status(3)
    .differs(REASON),
    row(
        "7",
        "rpc call Batch",
        r#"[
        {"jsonrpc": "2.0", "method": "sum", "params": [1,2,4], "id": "1"},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]},
        {"jsonrpc": "2.0", "method": "subtract", "params": [42,23], "id": "2"},
        {"foo": "boo"},
        {"jsonrpc": "2.0", "method": "foo.get", "params": {"name": "myself"}, "id": "5"},
        {"jsonrpc": "2.0", "method": "get_data", "id": "9"}
    ]"#,
        exactly(concat!(
            r#"[{"jsonrpc":"2.0","result":7,"id":"1"},"#,
            r#"{"jsonrpc":"2.0","result":19,"id":"2"},"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","data":"member \"jsonrpc\" is missing"},"id":null},"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":"5"},"#,
            r#"{"jsonrpc":"2.0","result":["hello",5],"id":"9"}]"#,
        )),
    )
    .status(2)
    .differs(REASON),
    row(
        "7",
        "rpc call Batch (all notifications)",
        r#"[
        {"jsonrpc": "2.0", "method": "notify_sum", "params": [1,2,4]},
        {"jsonrpc": "2.0", "method": "notify_hello", "params": [7]}
    ]"#,
        nothing(),
    ),
];

#[tokio::test]
async fn examples_of_the_specification_are_answered_as_it_says() {
    run(EXAMPLES).await;
}
