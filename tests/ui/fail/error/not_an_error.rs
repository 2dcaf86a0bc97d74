use rpc::RpcError;

#[derive(RpcError)]
#[rpc(code = 1001)]
struct NoSuchUser;

fn main() {}
