//! A server, a typed client and a real socket between them: calls, a declared error, a batch, a notification.
//!
//! Run with: cargo run --example quickstart

use std::sync::Mutex;

use rpc::{Client, Error, RpcError, Server};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct User {
    id: u64,
    name: String,
    email: String,
}

#[derive(Debug, thiserror::Error, RpcError)]
enum UserError {
    #[error("user {id} not found")]
    #[rpc(code = 1001)]
    NotFound { id: u64 },
    #[error("{field} must not be empty")]
    #[rpc(code = 1002)]
    Empty { field: String },
}

/// User accounts.
#[rpc::service(namespace = "user")]
trait Users {
    /// Looks a user up by id.
    #[rpc(readonly)]
    async fn get(&self, id: u64) -> Result<User, UserError>;

    /// Creates a user.
    async fn create(&self, name: String, email: String) -> Result<User, UserError>;

    /// Lists users in the order of their ids.
    #[rpc(readonly)]
    async fn list(&self, #[rpc(default = 10)] limit: usize, #[rpc(default = 0)] offset: usize) -> Vec<User>;

    /// Records that a user was seen.
    #[rpc(idempotent, name = "seen")]
    async fn mark_seen(&self, #[rpc(context)] cx: &rpc::Context, #[rpc(name = "userId")] id: u64);
}

#[derive(Default)]
struct InMemoryUsers(Mutex<Vec<User>>);

impl Users for InMemoryUsers {
    async fn get(&self, id: u64) -> Result<User, UserError> {
        let users = self.0.lock().expect("no panic under the lock");
        users.iter().find(|user| user.id == id).cloned().ok_or(UserError::NotFound { id })
    }

    async fn create(&self, name: String, email: String) -> Result<User, UserError> {
        if name.is_empty() {
            return Err(UserError::Empty { field: "name".to_owned() });
        }
        let mut users = self.0.lock().expect("no panic under the lock");
        let user = User { id: users.len() as u64 + 1, name, email };
        users.push(user.clone());
        Ok(user)
    }

    async fn list(&self, limit: usize, offset: usize) -> Vec<User> {
        let users = self.0.lock().expect("no panic under the lock");
        users.iter().skip(offset).take(limit).cloned().collect()
    }

    async fn mark_seen(&self, cx: &rpc::Context, id: u64) {
        println!("server:       {} says that user {id} was seen", cx.method());
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder().service(UsersServer::new(InMemoryUsers::default())).build();
    let server = server.bind("127.0.0.1:0").await?.spawn();
    println!("server:       http://{}", server.local_addr());

    let client = Client::new(format!("http://{}", server.local_addr()))?;
    let users = UsersClient::new(client.clone());

    let ada = users.create("Ada", "ada@example.com").await?;
    println!("call:         created {} with id {}", ada.name, ada.id);
    match users.get(7).await {
        Err(Error::Method(UserError::NotFound { id })) => println!("error:        no user {id}, as a Rust enum"),
        other => println!("unexpected:   {other:?}"),
    }
    let (ada, empty, page, seen) =
        client.batch((users.get(1), users.create("", ""), users.list(10, 0), users.mark_seen(1).notify())).await?;
    println!("batch:        {}, refused: {}, {} user(s)", ada?.name, empty.is_err(), page?.len());
    seen?;
    users.mark_seen(1).notify().await?;
    println!("notification: sent, alone and in the batch");

    server.shutdown().await;
    Ok(())
}
