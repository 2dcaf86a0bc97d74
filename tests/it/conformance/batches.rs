//! Section 6: batches.

use std::borrow::Cow;

use crate::conformance::row::{Expected, Row, error, exactly, invalid, row, run};

const ROWS: &[Row] = &[
    row("6", "an empty array with blanks", " [ \n] ", invalid(r#""a batch must have at least one entry""#, "null")),
    row(
        "6",
        "one entry is answered by an array",
        r#"[{"jsonrpc":"2.0","method":"ping","id":1}]"#,
        exactly(r#"[{"jsonrpc":"2.0","result":"pong","id":1}]"#),
    ),
    row(
        "6",
        "ids may repeat, and positions tell the answers apart",
        r#"[{"jsonrpc":"2.0","method":"sum","params":[1],"id":1},{"jsonrpc":"2.0","method":"sum","params":[2],"id":1},{"jsonrpc":"2.0","method":"sum","params":[3],"id":null}]"#,
        exactly(
            r#"[{"jsonrpc":"2.0","result":1,"id":1},{"jsonrpc":"2.0","result":2,"id":1},{"jsonrpc":"2.0","result":3,"id":null}]"#,
        ),
    ),
    row(
        "6",
        "a batch within a batch is no request",
        r#"[[{"jsonrpc":"2.0","method":"ping","id":1}]]"#,
        exactly(
            r#"[{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","data":"a request must be an object"},"id":null}]"#,
        ),
    )
    .status(1),
    row(
        "6",
        "entries that are no objects",
        r#"[null,true,"x",[],1e400,{}]"#,
        exactly(concat!(
            r#"[{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","data":"a request must be an object"},"id":null},"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","data":"a request must be an object"},"id":null},"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","data":"a request must be an object"},"id":null},"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","data":"a request must be an object"},"id":null},"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","data":"a request must be an object"},"id":null},"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","data":"member \"jsonrpc\" is missing"},"id":null}]"#,
        )),
    )
    .status(6),
    row(
        "6",
        "each entry succeeds or fails alone",
        r#"[{"jsonrpc":"2.0","method":"ping","id":true},{"jsonrpc":"2.0","method":"ping","id":2},{"jsonrpc":"2.0","method":"divide","params":[1,0],"id":3},{"jsonrpc":"2.0","method":"sum","params":7,"id":4}]"#,
        exactly(concat!(
            r#"[{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","data":"id must be a string, a number or null"},"id":null},"#,
            r#"{"jsonrpc":"2.0","result":"pong","id":2},"#,
            r#"{"jsonrpc":"2.0","error":{"code":1001,"message":"cannot divide 1 by zero","data":{"dividend":1}},"id":3},"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","data":"member \"params\" must be an array or an object"},"id":4}]"#,
        )),
    )
    .status(3),
    row(
        "wire",
        "an entry with a name that is no text spoils no other",
        r#"[{"\ud800":1,"id":1},{"jsonrpc":"2.0","method":"ping","id":2}]"#,
        exactly(concat!(
            r#"[{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","data":"member \"jsonrpc\" is missing"},"id":1},"#,
            r#"{"jsonrpc":"2.0","result":"pong","id":2}]"#,
        )),
    )
    .status(1),
    row("6", "a broken end", r#"[{"jsonrpc":"2.0","method":"ping","id":1}"#, Expected::ParseError),
    row("6", "a trailing comma", r#"[{"jsonrpc":"2.0","method":"ping","id":1},]"#, Expected::ParseError),
    row("6", "garbage behind it", r#"[{"jsonrpc":"2.0","method":"ping","id":1}] x"#, Expected::ParseError),
    row("6", "a broken entry behind an unreadable one", r#"[1e999,{"jsonrpc":"2.0"]"#, Expected::ParseError),
];

#[tokio::test]
async fn batches_are_what_section_6_says() {
    run(ROWS).await;
}

const TOO_MANY: Expected = error(-32090, "Request too large", r#""a batch may have at most 1024 entries""#, "null");

fn batch_of(entries: usize, first: &str, answer: Expected) -> Row {
    let ping = r#",{"jsonrpc":"2.0","method":"ping"}"#;
    let request = format!("[{first}{}]", ping.repeat(entries - 1));
    Row::new("wire", "at most 1,024 entries", Cow::Owned(request.into_bytes()), answer)
}

#[tokio::test]
async fn a_batch_has_at_most_1024_entries() {
    let ping = r#"{"jsonrpc":"2.0","method":"ping"}"#;
    run(&[batch_of(1024, ping, Expected::Nothing), batch_of(1025, ping, TOO_MANY)]).await;
}

#[tokio::test]
async fn an_entry_that_serde_cannot_read_does_not_lift_the_limit() {
    run(&[batch_of(1025, "1e999", TOO_MANY), batch_of(1025, r#"{"\ud800":1}"#, TOO_MANY)]).await;
}
