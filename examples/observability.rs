//! A call that goes through two services: its trace, and the metrics of both services for Prometheus.
//!
//! Run with: cargo run --example observability --features prometheus

use std::error::Error;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use rpc::{Client, Prometheus, Server, ServerHandle, Telemetry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;

/// Keeps the trace fields of the spans, as `tracing-opentelemetry` or a log would.
#[derive(Clone, Default)]
struct Trace(Arc<Mutex<Vec<Hop>>>);

#[derive(Default)]
struct Hop {
    name: &'static str,
    trace: String,
    id: String,
    parent: Option<String>,
}

impl<S: tracing::Subscriber> tracing_subscriber::Layer<S> for Trace {
    fn on_new_span(&self, attributes: &Attributes<'_>, _: &Id, _: Context<'_, S>) {
        let mut hop = Hop { name: attributes.metadata().name(), ..Hop::default() };
        attributes.record(&mut hop);
        if !hop.trace.is_empty() {
            self.0.lock().expect("nobody panics with it").push(hop);
        }
    }
}

impl Visit for Hop {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "trace_id" => self.trace = format!("{value:?}"),
            "span_id" => self.id = format!("{value:?}"),
            "parent_id" => self.parent = Some(format!("{value:?}")),
            _ => {}
        }
    }
}

async fn stock() -> std::io::Result<ServerHandle> {
    let server = Server::builder().method("stock.count", || async { 3 }).telemetry(Telemetry::default()).build();
    Ok(server.bind("127.0.0.1:0").await?.spawn())
}

async fn shop(stock: Client) -> Result<ServerHandle, Box<dyn Error>> {
    // The client inherits the trace of the handler that uses it.
    let look = move || {
        let stock = stock.clone();
        async move { stock.call::<u32>("stock.count", ()).readonly().await.map_or("unknown", |_| "in stock") }
    };
    let server = Server::builder().method("shop.look", look).telemetry(Telemetry::default());
    Ok(server.prometheus(Prometheus::install()?).build().bind("127.0.0.1:0").await?.spawn())
}

fn client(server: &ServerHandle) -> Result<Client, rpc::Failure> {
    Client::builder().endpoint(format!("http://{}", server.local_addr())).telemetry(Telemetry::default()).build()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let trace = Trace::default();
    tracing_subscriber::registry().with(trace.clone()).init();
    let stock = stock().await?;
    let shop = shop(client(&stock)?).await?;
    assert_eq!(client(&shop)?.call::<String>("shop.look", ()).await?, "in stock");

    let hops = std::mem::take(&mut *trace.0.lock().expect("nobody panics with it"));
    for (depth, hop) in hops.iter().enumerate() {
        println!("{} {:indent$}{} {}", hop.trace, "", hop.name, hop.id, indent = 2 * depth);
    }
    assert_eq!(hops.len(), 6, "a call, its attempt and what the server does of it, twice");
    assert!(hops.windows(2).all(|pair| pair[0].trace == pair[1].trace && pair[1].parent.as_ref() == Some(&pair[0].id)));

    let mut stream = TcpStream::connect(shop.local_addr()).await?;
    stream.write_all(b"GET /metrics HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await?;
    let mut page = String::new();
    stream.read_to_string(&mut page).await?;
    let is_count =
        |line: &&str| line.starts_with("rpc_server_call_duration_seconds_count") && line.contains("shop.look");
    println!("{}", page.lines().find(is_count).ok_or("the page shows the call")?);
    shop.shutdown().await;
    stock.shutdown().await;
    Ok(())
}
