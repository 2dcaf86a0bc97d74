use rpc::Server;

#[rpc::service]
trait Users {
    async fn get(&self, id: u64) -> u64;
}

struct InMemoryUsers;

impl Users for InMemoryUsers {
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

fn main() {
    let _ = Server::builder().service(InMemoryUsers).build();
}
