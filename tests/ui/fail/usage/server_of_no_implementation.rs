#[rpc::service]
trait Users {
    async fn get(&self, id: u64) -> u64;
}

struct InMemoryUsers;

fn main() {
    let _ = rpc::Server::builder().service(UsersServer::new(InMemoryUsers)).build();
}
