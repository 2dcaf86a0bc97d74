//! Pretty output on terminals, raw output in pipes, and what all commands share.

use rpc::Server;
use serde_json::json;

use crate::binary::{Ended, Terminal, rpc};

async fn server() -> String {
    let server =
        Server::builder().method("user.get", |(id,): (u64,)| async move { json!({ "id": id, "tags": [] }) }).build();
    format!("http://{}", support::serve(&server).await)
}

#[tokio::test]
async fn a_pipe_gets_the_result_as_it_came() {
    let ended = rpc(&["call", &server().await, "user.get", "[7]"]).run().await;
    assert_eq!(ended, Ended { exit: 0, stdout: "{\"id\":7,\"tags\":[]}\n".to_owned(), stderr: String::new() });
}

#[tokio::test]
async fn a_terminal_gets_lines_and_colors() {
    let terminal = Terminal::start(rpc(&["call", &server().await, "user.get", "[7]"]));
    let (exit, shown) = terminal.ended().await;
    assert_eq!(exit, 0);
    let plain = "{\n  \"id\": 7,\n  \"tags\": []\n}\n";
    assert_eq!(shown.replace("\u{1b}[1m\u{1b}[34m", "").replace("\u{1b}[36m", "").replace("\u{1b}[0m", ""), plain);
    assert_ne!(shown, plain);
    let (_, shown) =
        Terminal::start(rpc(&["call", &server().await, "user.get", "[7]"]).env("NO_COLOR", "1")).ended().await;
    assert_eq!(shown, plain);
}
