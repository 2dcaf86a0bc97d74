#[rpc::service]
trait Users {
    async fn get(&self, id: u64) -> u64;
}

fn share(_: Box<dyn Users>) {}

fn main() {}
