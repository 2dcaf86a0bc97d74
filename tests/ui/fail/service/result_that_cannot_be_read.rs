use serde::Serialize;

#[derive(Serialize)]
struct User;

#[rpc::service]
trait Users {
    async fn get(&self, id: u64) -> User;
}

fn main() {}
