//! The facade under the name that `Cargo.toml` gives it.

use foo::{Context, ErrorObject, RpcError};
use serde::{Deserialize, Serialize};

/// Has an account.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct User {
    /// Tells users apart.
    pub id: u64,
    /// Greets them.
    pub name: String,
}

/// Says why there is no user.
#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
#[rpc(crate = ::foo)]
pub enum UserError {
    /// There is none of this id.
    #[error("user {id} not found")]
    #[rpc(code = 1001)]
    NotFound {
        /// Who was asked for.
        id: u64,
    },
    /// The caller may not know.
    #[error(transparent)]
    #[rpc(transparent)]
    Refused(#[from] Refused),
    /// Anything else.
    #[error(transparent)]
    #[rpc(transparent)]
    Other(ErrorObject),
}

/// Refuses a call.
#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
#[error("refused: {reason}")]
#[rpc(code = 1002, crate = ::foo)]
pub struct Refused {
    /// Why.
    pub reason: String,
}

/// User accounts. The trait names the context, which is there whatever the features.
#[foo::service(namespace = "user", crate = ::foo)]
pub trait Users {
    /// Looks a user up by id.
    #[rpc(readonly)]
    async fn get(&self, id: u64) -> Result<User, UserError>;

    /// Tells under which name it was called.
    #[rpc(alias = "self")]
    fn name(&self, #[rpc(context)] cx: &Context, #[rpc(default = 1)] times: usize) -> String;

    /// Creates a user.
    async fn create(&self, name: String, #[rpc(context)] cx: &foo::Context, id: Option<u64>) -> foo::ErrorCode;

    /// Was called so before.
    #[deprecated = "use `get`"]
    async fn find(&self, id: u64) -> Result<User, UserError>;
}
