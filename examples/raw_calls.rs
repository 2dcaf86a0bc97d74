//! Without a trait: closures as methods, calls by name, params and results as plain JSON. For tools and gateways.
//!
//! Run with: cargo run --example raw_calls

use rpc::{Client, Context, ErrorObject, Params, Server};
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

#[derive(Deserialize)]
struct Area {
    width: f64,
    #[serde(default = "one")]
    height: f64,
}

fn one() -> f64 {
    1.0
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = Server::builder()
        // No params, all params as a tuple (an array on the wire), as a struct (an object), or undecoded.
        .method("ping", || async { "pong" })
        .method("subtract", |(a, b): (i64, i64)| async move { a - b })
        .method("area", |Area { width, height }: Area| async move { width * height })
        .method("echo", |params: Params| async move { params })
        .method("whoami", |cx: Context| async move { cx.peer_addr().map(|addr| addr.ip()) })
        .try_method("sqrt", |(x,): (f64,)| async move {
            if x < 0.0 { Err(ErrorObject::new(5001, "no root").with_data(&x)) } else { Ok(x.sqrt()) }
        })
        .build();
    let server = server.bind("127.0.0.1:0").await?.spawn();
    let client = Client::new(format!("http://{}", server.local_addr()))?;

    let pong: String = client.call("ping", ()).await?;
    let difference: i64 = client.call("subtract", (42, 23)).await?;
    let area: f64 = client.call("area", json!({ "width": 2.5 })).await?;
    println!("ping {pong}, subtract {difference}, area {area}");

    // JSON in, JSON out: numbers of any length keep all digits, unless code decodes them as floats.
    let long: Box<RawValue> = RawValue::from_string("[123456789012345678901234567890]".to_owned())?;
    let echoed: Box<RawValue> = client.call("echo", &long).await?;
    println!("echo {echoed}");

    let (me, root) = client.batch((client.call::<Value>("whoami", ()), client.call::<f64>("sqrt", [-1.0]))).await?;
    println!("whoami {}, sqrt: {}", me?, root.expect_err("-1 has no real root"));

    server.shutdown().await;
    Ok(())
}
