//! The cost of HTTP alone: prebuilt bytes on hyper-util's pooling client.

use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{Request, Uri};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

use crate::Result;
use crate::scenario::Scenario;

pub(super) async fn send(scenario: Scenario, count: usize, url: &str) -> Result<()> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let (uri, body) = (url.parse::<Uri>()?, Bytes::from(scenario.request()));
    for _ in 0..count {
        let request =
            Request::post(uri.clone()).header(CONTENT_TYPE, "application/json").body(Full::new(body.clone()))?;
        let answer = client.request(request).await?.into_body().collect().await?.to_bytes();
        if answer.is_empty() {
            return Err("the answer is empty".into());
        }
    }
    Ok(())
}
