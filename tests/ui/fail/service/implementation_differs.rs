#[rpc::service]
trait Users {
    async fn get(&self, id: u64) -> String;
    async fn count(&self) -> u64;
}

struct InMemoryUsers;

impl Users for InMemoryUsers {
    async fn get(&self, id: u32) -> String {
        id.to_string()
    }
}

fn main() {}
