#![deny(unused_must_use)]

use rpc::{Client, Server};

#[rpc::service]
trait Users {
    async fn get(&self, id: u64) -> u64;
}

async fn unused(client: Client) {
    let users = UsersClient::new(client.clone());
    users.get(1);
    users.get(1).notify();
    users.get(1).header("x-tenant", "a");
    client.batch((users.get(1), users.get(2)));
    client.call::<u64>("get", (1,));
    Server::builder().method("ping", || async { "pong" });
}

fn main() {}
