use rpc::{Context, Server};

struct Filter;

fn main() {
    let _ = Server::builder().method("sync", || 5).build();
    let _ = Server::builder().method("two_params", |a: u64, b: u64| async move { a + b }).build();
    let _ = Server::builder().method("context_first", |_cx: Context, id: u64| async move { id }).build();
    let _ = Server::builder().method("cannot_travel", |_filter: Filter| async { 5 }).build();
    let _ = Server::builder().method("answer_cannot_travel", || async { Filter }).build();
    let _ = Server::builder().method("not_a_closure", 5).build();
    let _ = Server::builder().try_method("no_result", || async { 5 }).build();
    let _ = Server::builder().try_method("no_rpc_error", || async { Err::<u8, String>("no".to_owned()) }).build();
}
