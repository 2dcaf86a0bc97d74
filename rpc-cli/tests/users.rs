//! A service with a description, which the tests list, describe and complete.

use rpc::health::Health;
use rpc::openrpc::Info;
use rpc::schemars::JsonSchema;
use rpc::{RpcError, Server, ServerBuilder};
use serde::{Deserialize, Serialize};

/// A user of the shop.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rpc::schemars")]
struct User {
    /// The number of the account.
    id: u64,
    name: String,
    email: Option<String>,
    /// Those who were invited.
    friends: Vec<User>,
}

/// The order of a list.
#[derive(Clone, Copy, Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rpc::schemars")]
#[serde(rename_all = "lowercase")]
enum Order {
    Asc,
    Desc,
}

/// All of this is the params object.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[schemars(crate = "rpc::schemars")]
struct Search {
    text: String,
    limit: Option<u32>,
}

#[derive(Debug, thiserror::Error, RpcError)]
#[rpc(openrpc)]
enum UserError {
    #[error("user {id} is unknown")]
    #[rpc(code = 1001)]
    Unknown { id: u64 },
    #[error("the directory is busy")]
    #[rpc(code = 1002, retryable)]
    Busy,
}

/// User accounts.
#[rpc::service(namespace = "user", openrpc)]
trait Users {
    /// Looks a user up.
    ///
    /// Users that were deleted are not found.
    #[rpc(readonly, alias = "find")]
    async fn get(&self, id: u64, #[rpc(default = 2)] depth: u8) -> Result<User, UserError>;

    /// Lists users.
    #[rpc(readonly, timeout = "10s")]
    async fn list(&self, order: Option<Order>, active: Option<bool>) -> Vec<User>;

    /// Searches users.
    #[rpc(readonly, params)]
    async fn search(&self, search: Search) -> Vec<User>;

    /// Renames a user.
    #[rpc(idempotent)]
    async fn rename(&self, id: u64, name: String) -> Result<(), UserError>;

    /// Adds a user.
    async fn add(&self, name: String) -> u64;

    /// Removes all users.
    #[deprecated]
    async fn clear(&self);
}

struct Directory;

impl Users for Directory {
    async fn get(&self, id: u64, _depth: u8) -> Result<User, UserError> {
        match id {
            1 => Ok(User { id, name: "Ada".to_owned(), email: None, friends: Vec::new() }),
            id => Err(UserError::Unknown { id }),
        }
    }
    async fn list(&self, order: Option<Order>, active: Option<bool>) -> Vec<User> {
        let name = format!("{order:?} {active:?}");
        vec![User { id: 1, name, email: None, friends: Vec::new() }]
    }
    async fn search(&self, Search { text, limit }: Search) -> Vec<User> {
        let name = format!("{text} {limit:?}");
        vec![User { id: 1, name, email: None, friends: Vec::new() }]
    }
    async fn rename(&self, id: u64, _name: String) -> Result<(), UserError> {
        if id == 0 { Err(UserError::Busy) } else { Ok(()) }
    }
    async fn add(&self, name: String) -> u64 {
        name.len() as u64
    }
    async fn clear(&self) {}
}

/// Begins the server of the service, with a description and this health.
pub(crate) fn builder(health: Health) -> ServerBuilder {
    let info = Info::new("Users", "1.2.3").description("Keeps user accounts.");
    Server::builder().service(UsersServer::new(Directory)).openrpc(info).health(health)
}

/// Serves, and returns the address.
pub(crate) async fn serve() -> String {
    format!("http://{}", support::serve(&builder(Health::new()).build()).await)
}
