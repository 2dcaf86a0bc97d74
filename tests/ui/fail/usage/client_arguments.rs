use rpc::Client;

#[rpc::service]
trait Users {
    async fn get(&self, id: u64) -> Option<String>;
    async fn create(&self, name: String) -> u64;
}

async fn calls(client: Client) {
    let users = UsersClient::new(client);
    let _ = users.get("1").await;
    let _ = users.create(5).await;
    let _ = users.get().await;
    let name: String = users.get(1).await.unwrap();
    let name = users.get(1).unwrap();
}

fn main() {}
