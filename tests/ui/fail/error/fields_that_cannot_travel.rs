use rpc::RpcError;
use serde::Serialize;

#[derive(Debug)]
struct Opaque;

#[derive(Debug, Serialize)]
struct OneWay;

#[derive(Debug, thiserror::Error, RpcError)]
#[error("an error")]
enum UserError {
    #[rpc(code = 1001)]
    Opaque { inner: Opaque },
    #[rpc(code = 1002)]
    OneWay(OneWay),
}

fn main() {}
