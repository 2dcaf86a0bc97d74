use rpc::{ErrorObject, RpcError};

#[derive(Debug, thiserror::Error, RpcError)]
#[error("not allowed")]
#[rpc(code = 1001)]
struct NotAllowed;

#[derive(Debug, thiserror::Error, RpcError)]
#[error("an error")]
enum UserError {
    #[rpc(transparent)]
    Other(ErrorObject),
    #[rpc(transparent)]
    NotAllowed(NotAllowed),
}

fn main() {}
