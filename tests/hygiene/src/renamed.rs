//! The facade under the name that `Cargo.toml` gives it.

use foo::{Context, ErrorObject, RpcError};
use serde::{Deserialize, Serialize};

/// A user with an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// The id of the user.
    pub id: u64,
    /// The name of the user.
    pub name: String,
}

/// Why no user is returned.
#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
#[rpc(crate = ::foo)]
pub enum UserError {
    /// There is no user with this id.
    #[error("user {id} not found")]
    #[rpc(code = 1001)]
    NotFound {
        /// The requested id.
        id: u64,
    },
    /// The caller may not see the user.
    #[error(transparent)]
    #[rpc(transparent)]
    Refused(#[from] Refused),
    /// Any other error.
    #[error(transparent)]
    #[rpc(transparent)]
    Other(ErrorObject),
}

/// A denied call.
#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
#[error("refused: {reason}")]
#[rpc(code = 1002, crate = ::foo)]
pub struct Refused {
    /// The reason.
    pub reason: String,
}

/// User accounts. The trait names the context, which exists with all features.
#[foo::service(namespace = "user", crate = ::foo)]
pub trait Users {
    /// Looks a user up by id.
    #[rpc(readonly)]
    async fn get(&self, id: u64) -> Result<User, UserError>;

    /// Returns the name by which the call named the method.
    #[rpc(alias = "self")]
    fn name(&self, #[rpc(context)] cx: &Context, #[rpc(default = 1)] times: usize) -> String;

    /// Creates a user.
    async fn create(&self, name: String, #[rpc(context)] cx: &foo::Context, id: Option<u64>) -> foo::ErrorCode;

    /// The former name of `get`.
    #[deprecated = "use `get`"]
    async fn find(&self, id: u64) -> Result<User, UserError>;
}
