use rpc::{Internal, RpcError};

#[derive(Debug, thiserror::Error, RpcError)]
#[error("an error")]
enum UserError {
    #[rpc(internal, code = 1001)]
    WithCode(Internal),
    #[rpc(internal, retryable)]
    Retryable,
    #[rpc(internal, transparent)]
    Transparent(Internal),
    #[rpc(internal = true)]
    FlagWithValue(Internal),
    #[rpc(internal)]
    Named {
        #[rpc(name = "inner")]
        error: Internal,
    },
}

fn main() {}
