#[derive(Debug, thiserror::Error)]
#[error("no such user")]
struct NoSuchUser;

#[rpc::service]
trait Users {
    async fn get(&self, id: u64) -> Result<String, NoSuchUser>;
    fn name(&self, id: u64) -> Result<String, String>;
    fn read(&self) -> std::io::Result<u64>;
}

fn main() {}
