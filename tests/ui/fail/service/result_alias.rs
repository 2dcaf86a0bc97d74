use rpc::RpcError;

#[derive(Debug, thiserror::Error, RpcError)]
#[error("no such user")]
#[rpc(code = 1001)]
struct NoSuchUser;

type Outcome<T> = std::result::Result<T, NoSuchUser>;

#[rpc::service]
trait Users {
    async fn get(&self, id: u64) -> Outcome<String>;
    fn count(&self) -> Outcome<u64>;
    fn list(&self) -> Vec<String>;
}

fn main() {}
