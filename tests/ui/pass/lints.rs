//! The lint levels of a trait and its methods apply to generated code, which contains the user's names.
#![deny(warnings, unused_qualifications)]

use std::time::Duration;

use rpc::{Client, Describe, Server};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Private(u64);

/// Names in the style of another language.
#[rpc::service(openrpc)]
#[allow(non_camel_case_types, non_snake_case)]
pub trait chain_api {
    async fn getBlock(&self, blockHash: String) -> u64;
    fn getTime(&self, #[rpc(default = 7)] atHeight: u64) -> u64;
}

/// Lints of methods.
#[rpc::service]
pub trait Methods {
    #[allow(non_snake_case)]
    async fn getBlock(&self, blockHash: String) -> u64;

    #[expect(non_snake_case, reason = "the protocol's name")]
    fn getCount(&self, minHeight: u64) -> u64;

    #[cfg_attr(all(), doc = "Is there.", expect(non_snake_case))]
    async fn getTx(&self) -> u64;

    #[warn(non_snake_case, unused_mut)]
    #[deny(clippy::all)]
    async fn plain(&self) -> u64;

    #[allow(unused_qualifications)]
    fn allowed(&self, #[rpc(default = std::time::Duration::ZERO)] time: std::time::Duration) -> std::time::Duration;

    #[expect(unused_qualifications)]
    async fn expected(&self, time: std::time::Duration) -> std::time::Duration;

    #[cfg_attr(all(), expect(unused_qualifications))]
    #[cfg_attr(any(), deny(unused_qualifications))]
    async fn conditional(&self, time: std::time::Duration) -> Result<std::time::Duration, rpc::ErrorObject>;
}

/// Lints of the trait.
#[rpc::service]
#[expect(private_interfaces, unused_qualifications)]
#[deny(unused_variables, missing_docs, missing_debug_implementations)]
pub trait Levels {
    /// Has a private type.
    fn private(&self, value: Private) -> Private;
    /// Has a longer path than necessary.
    fn qualified(&self, time: std::time::Duration) -> std::time::Duration;
}

struct Implementation;

impl chain_api for Implementation {
    async fn getBlock(&self, hash: String) -> u64 {
        hash.len() as u64
    }
    fn getTime(&self, height: u64) -> u64 {
        height
    }
}

impl Methods for Implementation {
    async fn getBlock(&self, hash: String) -> u64 {
        hash.len() as u64
    }
    fn getCount(&self, min: u64) -> u64 {
        min
    }
    async fn getTx(&self) -> u64 {
        3
    }
    async fn plain(&self) -> u64 {
        4
    }
    fn allowed(&self, time: Duration) -> Duration {
        time
    }
    async fn expected(&self, time: Duration) -> Duration {
        time
    }
    async fn conditional(&self, time: Duration) -> Result<Duration, rpc::ErrorObject> {
        Ok(time)
    }
}

#[allow(private_interfaces)]
impl Levels for Implementation {
    fn private(&self, value: Private) -> Private {
        value
    }
    fn qualified(&self, time: Duration) -> Duration {
        time
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), rpc::Error> {
    let server = Server::builder()
        .service(chain_apiServer::new(Implementation))
        .service(LevelsServer::new(Implementation))
        .build();
    let client = Client::in_process(&server);
    let chain = chain_apiClient::new(client.clone());
    assert_eq!(chain.getBlock("ab").await?, 2);
    assert_eq!(client.call::<u64>("getTime", ()).await?, 7);
    assert_eq!(LevelsClient::new(client).private(Private(1)).await?.0, 1);

    let server = Server::builder().service(MethodsServer::new(Implementation)).build();
    let methods = MethodsClient::new(Client::in_process(&server));
    assert_eq!(methods.getCount(5).await?, 5);
    assert_eq!(methods.expected(Duration::ZERO).await?, Duration::ZERO);
    assert_eq!(MethodsClient::SPEC.methods.len(), 7);
    Ok(())
}
