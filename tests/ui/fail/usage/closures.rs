use std::future::ready;

use rpc::{Context, Server};

struct Filter;

// Functions, since messages name a closure by its file's absolute path, which differs between checkouts. No message
// names the types of the closures below.
fn sync() -> u64 {
    5
}

async fn two_params(a: u64, b: u64) -> u64 {
    a + b
}

async fn context_first(_cx: Context, id: u64) -> u64 {
    id
}

async fn cannot_travel(_filter: Filter) -> u64 {
    5
}

fn main() {
    let _ = Server::builder().method("sync", sync).build();
    let _ = Server::builder().method("two_params", two_params).build();
    let _ = Server::builder().method("context_first", context_first).build();
    let _ = Server::builder().method("cannot_travel", cannot_travel).build();
    let _ = Server::builder().method("answer_cannot_travel", || async { Filter }).build();
    let _ = Server::builder().method("not_a_closure", 5).build();
    let _ = Server::builder().try_method("no_result", || ready(5)).build();
    let _ = Server::builder().try_method("no_rpc_error", || async { Err::<u8, String>("no".to_owned()) }).build();
}
