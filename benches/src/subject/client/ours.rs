//! Ours, typed.

use rpc::Client;

use super::{Load, check};
use crate::Result;
use crate::subject::dispatch::ours::ApiClient;

/// Makes a client over reqwest, with the settings that its documentation asks for.
#[cfg(feature = "peers")]
pub(super) fn over_reqwest(url: &str) -> Result<Client> {
    use reqwest::{redirect, retry};
    let http = reqwest::Client::builder().retry(retry::never()).redirect(redirect::Policy::none()).build()?;
    Ok(Client::builder().transport(rpc::transport::ReqwestTransport::new(http, url)?).build()?)
}

pub(super) async fn send(client: Client, load: Load, count: usize) -> Result<()> {
    let api = ApiClient::new(client.clone());
    for _ in 0..count {
        match load {
            Load::One => check(api.subtract(42, 23).await?)?,
            Load::Batch(entries) => {
                let calls: Vec<_> = (0..entries).map(|_| api.subtract(42, 23)).collect();
                for answer in client.batch(calls).await? {
                    check(answer?)?;
                }
            }
        }
    }
    Ok(())
}
