//! jsonrpsee's client over HTTP.

use jsonrpsee::core::client::ClientT;
use jsonrpsee::core::middleware::RpcServiceBuilder;
use jsonrpsee::core::params::BatchRequestBuilder;
use jsonrpsee::http_client::{HttpClient, HttpClientBuilder};
use jsonrpsee::rpc_params;

use super::{Load, check};
use crate::Result;
use crate::subject::dispatch::jsonrpsee::ApiClient;

/// Builds the client with its defaults.
pub(super) fn client(url: &str) -> Result<HttpClient> {
    Ok(HttpClientBuilder::default().build(url)?)
}

/// Builds the client without its default logger.
pub(super) fn quiet_client(url: &str) -> Result<impl ClientT + Sync> {
    Ok(HttpClientBuilder::new().set_rpc_middleware(RpcServiceBuilder::new()).build(url)?)
}

pub(super) async fn send(client: &(impl ClientT + Sync), load: Load, count: usize) -> Result<()> {
    for _ in 0..count {
        match load {
            Load::One => check(client.subtract(42, 23).await?)?,
            Load::Batch(entries) => batch(client, entries).await?,
        }
    }
    Ok(())
}

async fn batch(client: &(impl ClientT + Sync), entries: usize) -> Result<()> {
    let mut batch = BatchRequestBuilder::new();
    for _ in 0..entries {
        batch.insert("subtract", rpc_params![42, 23])?;
    }
    let answers = client.batch_request::<i64>(batch).await?;
    if answers.len() != entries {
        return Err("answers are missing".into());
    }
    for answer in answers {
        check(answer?)?;
    }
    Ok(())
}
