//! Input that is nested 10^5 levels deep.

use support::raw_http::{exchange, post};
use support::{PONG, serve};

use crate::robustness::attack::{Attack, run};
use crate::robustness::server::{assert_alive, builder};

const LEVELS: usize = 100_000;

fn arrays(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

fn objects(levels: usize) -> String {
    format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels))
}

pub(crate) fn attacks() -> Vec<Attack> {
    let request = |members: &str| format!(r#"{{"jsonrpc":"2.0","method":"echo",{members}}}"#);
    let deep = arrays(LEVELS);
    vec![
        Attack::post("a body that only opens", "[".repeat(LEVELS), -32700),
        Attack::post("a body that only opens objects", r#"{"a":"#.repeat(LEVELS), -32700),
        Attack::post("a body of objects", objects(LEVELS), -32600),
        Attack::post("deep params by position", request(&format!(r#""params":{deep},"id":1"#)), -32600).id("1"),
        Attack::post("deep params by name", request(&format!(r#""params":{},"id":1"#, objects(LEVELS))), -32600)
            .id("1"),
        Attack::post("deep params of a notification", request(&format!(r#""params":{deep}"#)), -32600),
        Attack::post("a deep id", request(&format!(r#""id":{deep}"#)), -32600),
        Attack::post("a deep method", format!(r#"{{"jsonrpc":"2.0","method":{deep},"id":1}}"#), -32600).id("1"),
        Attack::post("a deep version", format!(r#"{{"jsonrpc":{deep},"method":"echo","id":1}}"#), -32600).id("1"),
        Attack::post("a deep member of no request", format!(r#"{{"x":{deep}}}"#), -32600),
    ]
}

#[tokio::test]
async fn requests_of_100_000_levels_are_refused() {
    run(&attacks()).await;
}

#[tokio::test]
async fn a_batch_of_100_000_levels_is_a_batch_of_one_that_is_no_request() {
    let addr = serve(&builder().build()).await;
    let reply = exchange(addr, &post(arrays(LEVELS))).await;
    let answer = r#"[{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","data":"a request must be an object"},"id":null}]"#;
    assert_eq!((reply.status, reply.text()), (200, answer));
    assert_alive(addr).await;
}

#[tokio::test]
async fn a_deep_unknown_member_is_ignored_as_a_flat_one_is() {
    let addr = serve(&builder().build()).await;
    for deep in [arrays(LEVELS), objects(LEVELS)] {
        let call = format!(r#"{{"jsonrpc":"2.0","method":"ping","unknown":{deep},"id":1}}"#);
        let reply = exchange(addr, &post(call)).await;
        assert_eq!((reply.status, reply.text()), (200, PONG));
    }
    assert_alive(addr).await;
}
