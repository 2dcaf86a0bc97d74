use rpc::RpcError;

#[derive(Debug, thiserror::Error, RpcError)]
enum Empty {}

#[derive(Debug, thiserror::Error, RpcError)]
#[error("an error")]
#[rpc(code = 1001)]
struct Generic<T>(T);

#[derive(Debug, thiserror::Error, RpcError)]
#[error("an error")]
#[rpc(code = 1002)]
struct WhereClause
where
    u8: Copy;

#[derive(RpcError)]
union Bits {
    float: f32,
    integer: u32,
}

fn main() {}
