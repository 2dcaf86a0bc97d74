//! How deeply a request may be nested: 128 levels, including its own object.

use std::borrow::Cow;

use crate::conformance::row::{Expected, Row, invalid, result, run};

const TOO_DEEP: Expected = invalid(r#""a request must not be nested deeper than 128 levels""#, "1");

fn nested(shows: &'static str, request: [&str; 2], levels: usize, answer: Expected) -> Row {
    let request = format!("{}{}{}{}", request[0], "[".repeat(levels), "]".repeat(levels), request[1]);
    Row::new("wire", shows, Cow::Owned(request.into_bytes()), answer)
}

#[tokio::test]
async fn params_are_128_levels_deep_at_most() {
    let echo = [r#"{"jsonrpc":"2.0","method":"echo","params":"#, r#","id":1}"#];
    let deepest = format!(r#"{{"jsonrpc":"2.0","result":{}{},"id":1}}"#, "[".repeat(127), "]".repeat(127));
    run(&[
        nested("the deepest", echo, 127, Expected::Bytes(Cow::Owned(deepest))),
        nested("one too deep", echo, 128, TOO_DEEP),
    ])
    .await;
}

#[tokio::test]
async fn brackets_in_strings_are_no_levels() {
    let request = format!(r#"{{"jsonrpc":"2.0","method":"echo","params":["{}"],"id":1}}"#, r#"[{\""#.repeat(200));
    let answer = format!(r#"{{"jsonrpc":"2.0","result":["{}"],"id":1}}"#, r#"[{\""#.repeat(200));
    let row = Row::new("wire", "brackets", Cow::Owned(request.into_bytes()), Expected::Bytes(Cow::Owned(answer)));
    run(&[row]).await;
}

#[tokio::test]
async fn unknown_members_may_be_deeper() {
    let ping = [r#"{"jsonrpc":"2.0","method":"ping","id":1,"unknown":"#, "}"];
    run(&[nested("an unknown member", ping, 5000, result(r#""pong""#, "1"))]).await;
}
