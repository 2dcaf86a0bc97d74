use rpc::{ErrorObject, RpcError};

#[derive(Debug, thiserror::Error, RpcError)]
#[error("an error")]
enum UserError {
    #[rpc(transparent)]
    NoField,
    #[rpc(transparent)]
    TwoFields(ErrorObject, u64),
    #[rpc(transparent, code = 1001)]
    WithCode(ErrorObject),
    #[rpc(transparent, retryable)]
    Retryable(ErrorObject),
    #[rpc(transparent)]
    Named {
        #[rpc(name = "inner")]
        error: ErrorObject,
    },
}

fn main() {}
