use rpc::RpcError;

#[derive(Debug, thiserror::Error, RpcError)]
#[error("not allowed")]
#[rpc(code = 1001)]
struct NotAllowed;

#[derive(Debug, thiserror::Error, RpcError)]
#[error("locked")]
#[rpc(code = 1001)]
struct Locked;

#[derive(Debug, thiserror::Error, RpcError)]
#[error("an error")]
enum OwnCodeTwice {
    #[rpc(code = 1001)]
    NotFound,
    #[rpc(transparent)]
    NotAllowed(NotAllowed),
}

#[derive(Debug, thiserror::Error, RpcError)]
#[error("an error")]
enum WrappedCodeTwice {
    #[rpc(transparent)]
    NotAllowed(NotAllowed),
    #[rpc(transparent)]
    Locked(Locked),
}

fn main() {}
