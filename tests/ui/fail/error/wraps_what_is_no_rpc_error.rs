use rpc::RpcError;

#[derive(Debug, thiserror::Error, RpcError)]
#[error("an error")]
enum UserError {
    #[rpc(transparent)]
    Io(std::io::Error),
}

fn main() {}
