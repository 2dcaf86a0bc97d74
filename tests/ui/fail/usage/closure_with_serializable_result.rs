//! rustc cannot infer whether this is a value or a `Result`, and its message names both.

use rpc::Server;

fn main() {
    let _ = Server::builder().method("text", || async { Err::<u8, String>("no".to_owned()) }).build();
}
