use rpc::RpcError;

#[derive(Debug, thiserror::Error, RpcError)]
#[error("an error")]
#[rpc(code = 1001)]
enum UserError {
    #[rpc]
    Bare,
    #[rpc(code = 1002, retry)]
    UnknownKey,
    #[rpc(code = 1003, code = 1004)]
    GivenTwice,
    #[rpc(code = 1005, retryable = true)]
    FlagWithValue,
    #[rpc(code = 1006, crate = ::rpc)]
    CrateOnVariant,
}

fn main() {}
