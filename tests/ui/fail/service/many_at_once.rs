use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct User {
    name: String,
}

// One compilation reports every mistake once, and the valid methods still exist.
#[rpc::service(namespace = "user", rename = "camelCase")]
trait Users {
    type Error;

    #[rpc(read_only)]
    async fn get(&self, id: u64) -> Option<User>;

    #[rpc(timeout = "soon")]
    async fn rename(&mut self, name: &str) -> &User;

    #[rpc(name = "get")]
    async fn list<T>(&self, (limit, offset): (u32, u32)) -> impl Iterator<Item = User>;

    async fn count(&self, cx: &rpc::Context) -> u64;
}

async fn use_it(client: rpc::Client) -> Result<Option<User>, rpc::Error> {
    UsersClient::new(client).get(1).await
}

fn main() {}
