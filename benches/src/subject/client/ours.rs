//! Our client, typed.

use rpc::{Client, Retry};

use super::{Load, check};
use crate::Result;
use crate::subject::dispatch::ours::ApiClient;

/// Builds a client over reqwest, with the settings that its documentation recommends.
#[cfg(feature = "peers")]
pub(super) fn over_reqwest(url: &str) -> Result<Client> {
    use reqwest::{redirect, retry};
    let http = reqwest::Client::builder().retry(retry::never()).redirect(redirect::Policy::none()).build()?;
    Ok(Client::builder().transport(rpc::transport::ReqwestTransport::new(http, url)?).build()?)
}

/// Builds a client that sends each call once.
pub(super) fn plain(url: &str) -> Result<Client> {
    Ok(Client::builder().endpoint(url).retry(Retry::never()).build()?)
}

pub(super) async fn send(client: Client, load: Load, count: usize, readonly: bool) -> Result<()> {
    let api = ApiClient::new(client.clone());
    let call = || {
        let call = api.subtract(42, 23);
        if readonly { call.readonly() } else { call }
    };
    for _ in 0..count {
        match load {
            Load::One => check(call().await?)?,
            Load::Batch(entries) => {
                let calls: Vec<_> = (0..entries).map(|_| call()).collect();
                for answer in client.batch(calls).await? {
                    check(answer?)?;
                }
            }
        }
    }
    Ok(())
}
