#[rpc::service(crate = ::framework)]
trait Users {
    async fn get(&self, id: u64) -> u64;
}

fn main() {}
