//! A proxy: it forwards every method that it does not have itself to another server, whatever the params and the
//! result.
//!
//! Run with: cargo run --example proxy

use rpc::{Client, Context, Error, ErrorObject, Params, Retry, Server};
use serde_json::Value;
use serde_json::value::RawValue;

/// Forwards a call unchanged. It decodes neither params nor result.
async fn forward(upstream: Client, params: Params, cx: Context) -> Result<Box<RawValue>, ErrorObject> {
    let call = upstream.call::<Box<RawValue>>(cx.method().to_owned(), params);
    // The caller retries, so this client does not. The deadline is the caller's. The forwarded call has an idempotency
    // key only if the caller's call has one. It has the headers of the caller that the client propagates.
    let call = call.retry(Retry::never()).deadline_from(&cx).headers_from(&cx);
    let answered = match cx.derive_key("forward") {
        Some(key) => call.idempotency_key(key).await,
        None => call.await,
    };
    answered.map_err(|error| match error {
        // The other server's error, unchanged, -32601 and -32602 included.
        Error::Rpc(object) => object,
        // The other server is unreachable, or its answer is invalid. The caller gets only the kind of error, the log
        // the rest.
        failure => failure.into(),
    })
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let upstream = Server::builder()
        .method("sum", |numbers: Vec<i64>| async move { numbers.iter().sum::<i64>() })
        .try_method("sqrt", |(x,): (f64,)| async move {
            if x < 0.0 { Err(ErrorObject::new(5001, "no root").with_data(&x)) } else { Ok(x.sqrt()) }
        })
        .method("tenant", |cx: Context| async move {
            cx.headers().get("x-tenant").and_then(|tenant| tenant.to_str().ok()).map(ToOwned::to_owned)
        })
        .build();
    let upstream = upstream.bind("127.0.0.1:0").await?.spawn();

    let upstream_url = format!("http://{}", upstream.local_addr());
    let client = Client::builder().endpoint(upstream_url).propagate_headers(["x-tenant", "x-request-id"]).build()?;
    let proxy = Server::builder()
        .method("proxy.version", || async { env!("CARGO_PKG_VERSION") })
        .fallback(move |params: Params, cx: Context| forward(client.clone(), params, cx))
        .build();
    let proxy = proxy.bind("127.0.0.1:0").await?.spawn();

    let client = Client::new(format!("http://{}", proxy.local_addr()))?;
    println!("sum: {}", client.call::<i64>("sum", [1, 2, 3]).await?);
    let tenant = client.call::<Option<String>>("tenant", ()).header("x-tenant", "blue").await?;
    println!("tenant at the other server: {tenant:?}");
    let (version, root, none, other) = client
        .batch((
            client.call::<String>("proxy.version", ()),
            client.call::<f64>("sqrt", [16.0]),
            client.call::<f64>("sqrt", [-1.0]),
            client.call::<Value>("nobody_has_this", ()),
        ))
        .await?;
    println!("version: {}, root: {}", version?, root?);
    if let (Err(none), Err(other)) = (none, other) {
        println!("errors as the other server sent them: {none}; {other}");
    }

    proxy.shutdown().await;
    upstream.shutdown().await;
    Ok(())
}
