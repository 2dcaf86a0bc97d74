//! What many users write instead of using a framework: reqwest, and structs for requests and answers.

use std::borrow::Cow;

use reqwest::Client;
use reqwest::header::CONTENT_TYPE;
use serde::{Deserialize, Serialize};

use super::{Load, check};
use crate::Result;

#[derive(Serialize)]
struct Request {
    jsonrpc: &'static str,
    method: &'static str,
    params: (i64, i64),
    id: u64,
}

impl Request {
    fn subtract(id: u64) -> Self {
        Self { jsonrpc: "2.0", method: "subtract", params: (42, 23), id }
    }
}

#[derive(Deserialize)]
struct Response<'a> {
    #[serde(borrow)]
    jsonrpc: Cow<'a, str>,
    result: i64,
    id: u64,
}

pub(super) async fn send(load: Load, count: usize, url: &str) -> Result<()> {
    let client = Client::builder().no_proxy().build()?;
    let mut next_id = 1;
    for _ in 0..count {
        match load {
            Load::One => one(&client, url, next_id).await?,
            Load::Batch(entries) => batch(&client, url, next_id..next_id + entries as u64).await?,
        }
        next_id += if let Load::Batch(entries) = load { entries as u64 } else { 1 };
    }
    Ok(())
}

async fn one(client: &Client, url: &str, id: u64) -> Result<()> {
    let answer = post(client, url, &Request::subtract(id)).await?;
    check_answer(&serde_json::from_slice(&answer)?, id)
}

async fn batch(client: &Client, url: &str, ids: std::ops::Range<u64>) -> Result<()> {
    let requests: Vec<_> = ids.clone().map(Request::subtract).collect();
    let answer = post(client, url, &requests).await?;
    let answers: Vec<Response<'_>> = serde_json::from_slice(&answer)?;
    if answers.len() != requests.len() {
        return Err("answers are missing".into());
    }
    answers.iter().zip(ids).try_for_each(|(answer, id)| check_answer(answer, id))
}

async fn post(client: &Client, url: &str, body: &impl Serialize) -> Result<bytes::Bytes> {
    let request = client.post(url).header(CONTENT_TYPE, "application/json").body(serde_json::to_vec(body)?);
    Ok(request.send().await?.error_for_status()?.bytes().await?)
}

fn check_answer(answer: &Response<'_>, id: u64) -> Result<()> {
    if answer.jsonrpc != "2.0" || answer.id != id {
        return Err("this is no answer to the call".into());
    }
    check(answer.result)
}
