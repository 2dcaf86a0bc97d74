use rpc::Client;

#[rpc::service]
trait Users {
    async fn get(&self, id: u64) -> u64;
}

async fn batches(client: Client) {
    let users = UsersClient::new(client.clone());
    let _ = client.batch(5).await;
    let _ = client.batch((users.get(1).await, users.get(2).await)).await;
    let _ = client.batch(vec![users.get(1), users.get(2)].into_iter()).await;
}

fn main() {}
