//! Generated code causes no warning, whichever lints are on.
#![deny(warnings, missing_docs, missing_debug_implementations, missing_copy_implementations)]
#![deny(unused, unreachable_pub, unnameable_types, rust_2018_idioms, rust_2024_compatibility, single_use_lifetimes)]
#![deny(unused_qualifications, unused_results, unused_lifetimes, let_underscore_drop, elided_lifetimes_in_paths)]
#![deny(
    trivial_casts,
    trivial_numeric_casts,
    non_ascii_idents,
    variant_size_differences,
    absolute_paths_not_starting_with_crate
)]

use rpc::{Client, Context, ErrorObject, RpcError, Server};

/// Fails.
#[derive(Debug, thiserror::Error, RpcError)]
pub enum UserError {
    /// There is no such user.
    #[error("user {id} not found")]
    #[rpc(code = 1001)]
    NotFound {
        /// The requested id.
        id: u64,
    },
    /// Anything else.
    #[error(transparent)]
    #[rpc(transparent)]
    Other(ErrorObject),
}

/// User accounts.
#[rpc::service(namespace = "user")]
pub trait Users {
    /// Looks a user's name up.
    #[rpc(readonly)]
    async fn name(&self, id: u64) -> Result<String, UserError>;

    /// Counts the users.
    fn count(&self, #[rpc(context)] cx: &Context, #[rpc(default = 10)] limit: u64) -> u64;

    /// Renames a user.
    #[rpc(idempotent)]
    async fn rename(&self, id: u64, name: String, #[rpc(default)] force: bool);

    /// Renames a user, in the old way.
    #[deprecated = "use `rename`"]
    async fn set_name(&self, id: u64, name: String);
}

// A private service may stay unused.
#[rpc::service]
trait Unused {
    async fn get(&self, id: u64) -> u64;
    fn count(&self) -> u64;
}

struct InMemoryUsers;

impl Users for InMemoryUsers {
    async fn name(&self, id: u64) -> Result<String, UserError> {
        Err(UserError::NotFound { id })
    }
    fn count(&self, _: &Context, limit: u64) -> u64 {
        limit
    }
    async fn rename(&self, id: u64, mut name: String, force: bool) {
        name.push_str(if force { "!" } else { "?" });
        assert_eq!((id, name.as_str()), (1, "ada?"));
    }
    async fn set_name(&self, id: u64, name: String) {
        self.rename(id, name, false).await;
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let server = Server::builder().service(UsersServer::new(InMemoryUsers)).build();
        let users = UsersClient::new(Client::in_process(&server));
        let error = users.name(7).await.unwrap_err();
        assert_eq!(error.to_string(), "user 7 not found");
        assert_eq!(users.count(3).await.unwrap(), 3);
        users.rename(1, "ada", false).await.unwrap();
        assert_eq!(format!("{:?}", UsersServer::new(InMemoryUsers).clone()), "UsersServer { .. }");
    });
}
