//! A client with several endpoints in memory, and the memory of clients with many HTTP endpoints.

use bytes::Bytes;
use rpc::transport::{Reply, Request, Transport};
use rpc::{Balance, BoxFuture, Client, Endpoint, Failure};

use super::host::runtime;
use crate::Result;
use crate::process::private_memory;

/// Answers each call at once.
#[derive(Debug)]
struct Answers;

impl Transport for Answers {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        Box::pin(async move {
            let call = std::str::from_utf8(&request.body).map_err(Failure::transport)?;
            let (_, id) = call.rsplit_once(r#""id":"#).ok_or_else(|| Failure::transport("the call has no id"))?;
            Ok(Reply::new(Bytes::from([r#"{"jsonrpc":"2.0","result":19,"id":"#, id].concat())))
        })
    }
}

/// Makes this many calls with a client of this many endpoints, and prints the nanoseconds per call.
pub(super) fn call(balancer: &str, endpoints: usize, count: usize) -> Result<()> {
    let balance = match balancer {
        "peak_ewma" => Balance::peak_ewma(),
        "least_requests" => Balance::least_requests(),
        "weighted" => Balance::weighted(),
        "random" => Balance::random(),
        "round_robin" => Balance::round_robin(),
        "hash" => Balance::hash(),
        _ => return Err(format!("{balancer} is no balancer").into()),
    };
    let endpoints = (0..endpoints).map(|_| Endpoint::transport(Answers));
    let client = Client::builder().endpoints(endpoints).balance(balance).build()?;
    let begin = std::time::Instant::now();
    runtime(1)?.block_on(call_many(&client, count))?;
    println!("{}", begin.elapsed().as_nanos() as f64 / count as f64);
    Ok(())
}

async fn call_many(client: &Client, count: usize) -> Result<()> {
    for _ in 0..count {
        let difference: i64 = client.call("subtract", [42, 23]).readonly().hash_key("key").await?;
        if difference != 19 {
            return Err(format!("42 - 23 was answered with {difference}").into());
        }
    }
    Ok(())
}

/// Builds this many clients of 1,000 HTTP endpoints, and prints the bytes of one endpoint.
pub(super) fn memory(clients: usize) -> Result<()> {
    const ENDPOINTS: usize = 1_000;
    let build = || {
        let addresses = (0..ENDPOINTS).map(|number| format!("http://10.0.{}.{}:8080", number / 250, number % 250));
        Client::builder().endpoints(addresses).build()
    };
    // The first client also allocates what later ones share.
    let first = build()?;
    let before = private_memory("self")?;
    let built = (0..clients).map(|_| build()).collect::<Result<Vec<_>, _>>()?;
    let after = private_memory("self")?;
    drop((first, built));
    println!("{}", after.saturating_sub(before) as f64 / (clients * ENDPOINTS) as f64);
    Ok(())
}
