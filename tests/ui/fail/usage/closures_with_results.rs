//! A `Result` is for `try_method`: `method` would send its error as a value.

use rpc::{RpcError, Server};

#[derive(Debug, thiserror::Error, RpcError)]
#[error("no")]
#[rpc(code = 1)]
struct Failed;

fn main() {
    let _ = Server::builder().method("own_error", || async { Err::<u8, Failed>(Failed) }).build();
    let _ = Server::builder().method("io_error", || async { Ok::<u8, std::io::Error>(5) }).build();
}
