//! Typed clients of servers that do not use this framework: Bitcoin Core and an Ethereum node. Here, fakes stand in for
//! both, over real HTTP.
//!
//! Guide: docs/foreign_servers.md
//!
//! Run with: cargo run --example foreign_servers

use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use rpc::{Client, Error, ErrorObject, RpcError};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Value, json};

/// A part of Bitcoin Core's interface.
#[rpc::service(rename_all = "lowercase", params = "positional")]
trait Bitcoin {
    #[rpc(readonly)]
    async fn get_block_count(&self) -> Result<u64, BitcoinError>;

    #[rpc(readonly)]
    async fn get_block_hash(&self, height: u64) -> Result<String, BitcoinError>;

    #[rpc(readonly)]
    async fn get_chain_tx_stats(&self, blocks: Option<u32>, hash: Option<String>) -> Result<TxStats, BitcoinError>;
}

#[derive(Debug, Serialize, Deserialize)]
struct TxStats {
    txcount: u64,
    window_block_count: u32,
}

#[derive(Debug, thiserror::Error, RpcError)]
enum BitcoinError {
    #[error("invalid parameter")]
    #[rpc(code = -8)]
    InvalidParameter,
    /// All other errors of the server, whatever their codes.
    #[error(transparent)]
    #[rpc(transparent)]
    Other(ErrorObject),
}

/// A part of the interface that Ethereum nodes have.
#[rpc::service(namespace = "eth", separator = "_", rename_all = "camelCase", params = "positional")]
trait Ethereum {
    #[rpc(readonly)]
    async fn block_number(&self) -> Result<Quantity, ErrorObject>;

    #[rpc(readonly)]
    async fn get_balance(&self, address: String, block: String) -> Result<Quantity, ErrorObject>;

    /// A signed transaction has its effect once, however often it is sent.
    #[rpc(idempotent)]
    async fn send_raw_transaction(&self, transaction: String) -> Result<String, ErrorObject>;
}

/// A number that travels as `"0x1b4"`.
#[derive(Debug, PartialEq)]
struct Quantity(u128);

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{:#x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let digits = text.strip_prefix("0x").ok_or_else(|| serde::de::Error::custom("expected `0x`"))?;
        u128::from_str_radix(digits, 16).map(Self).map_err(serde::de::Error::custom)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let url = serve_fakes().await?;
    bitcoin(&url).await?;
    ethereum(&url).await
}

async fn bitcoin(url: &str) -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::builder()
        .endpoint(format!("{url}/bitcoin"))
        .header("authorization", "Basic dXNlcjpwYXNz")
        .deadline(Duration::from_secs(10))
        .build()?;
    let bitcoin = BitcoinClient::new(client);

    let height = bitcoin.get_block_count().await?;
    let hash = bitcoin.get_block_hash(height).await?;
    let stats = bitcoin.get_chain_tx_stats(Some(144), None).await?;
    println!("block {height} is {hash}; {} transactions in {} blocks", stats.txcount, stats.window_block_count);

    let error = bitcoin.get_block_hash(height + 1).await.expect_err("there is no such block");
    println!("above it: {error}");
    assert_eq!(height, 840_000);
    assert!(matches!(error, Error::Method(BitcoinError::InvalidParameter)));

    let stranger = BitcoinClient::new(Client::new(format!("{url}/bitcoin"))?);
    let failure = stranger.get_block_count().await.expect_err("the server wants a password");
    println!("without a password: {failure}");
    assert_eq!(failure.failure().and_then(rpc::Failure::status).map(|status| status.as_u16()), Some(401));
    Ok(())
}

async fn ethereum(url: &str) -> Result<(), Box<dyn std::error::Error>> {
    let client = Client::builder().endpoint(format!("{url}/ethereum")).strict_version(true).build()?;
    let ethereum = EthereumClient::new(client.clone());

    let (number, balance) = client
        .batch((ethereum.block_number(), ethereum.get_balance("0x407d73d8a49eeb85d32cf465507dd71d507100c1", "latest")))
        .await?;
    let (number, balance) = (number?, balance?);
    println!("at block {}: {} wei", number.0, balance.0);
    assert_eq!((number, balance), (Quantity(436), Quantity(158_972_490_234_375_000)));

    let hash = ethereum.send_raw_transaction("0xd46e8dd67c5d32be").await?;
    println!("sent as {hash}");
    Ok(())
}

/// Serves both fakes on a free port, and returns their address.
async fn serve_fakes() -> std::io::Result<String> {
    let app = Router::new().route("/bitcoin", post(fake_bitcoin)).route("/ethereum", post(fake_ethereum));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(url)
}

/// Answers as JSON-RPC 1.0 does, with HTTP status 500 for an error. Requires a password.
async fn fake_bitcoin(headers: HeaderMap, body: Bytes) -> Response {
    if headers.get(AUTHORIZATION).is_none_or(|basic| basic != "Basic dXNlcjpwYXNz") {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let call: Value = serde_json::from_slice(&body).unwrap_or_default();
    let params = &call["params"];
    let result = match call["method"].as_str() {
        Some("getblockcount") => json!(840_000),
        Some("getblockhash") if params[0] == 840_000 => json!("0000000000000000000320283a032748cef8227873ff4872"),
        Some("getchaintxstats") => json!({ "txcount": 991_877_520, "window_block_count": params[0] }),
        Some("getblockhash") => {
            let error = json!({ "code": -8, "message": "Block height out of range" });
            let answer = json!({ "result": null, "error": error, "id": call["id"] });
            return (StatusCode::INTERNAL_SERVER_ERROR, as_json(&answer)).into_response();
        }
        _ => return StatusCode::NOT_FOUND.into_response(),
    };
    as_json(&json!({ "result": result, "error": null, "id": call["id"] })).into_response()
}

/// Answers as Ethereum nodes do: in JSON-RPC 2.0, also to batches, and with HTTP status 200 for an error.
async fn fake_ethereum(body: Bytes) -> Response {
    let answer = |call: &Value| {
        let result = match call["method"].as_str() {
            Some("eth_blockNumber") => "0x1b4",
            Some("eth_getBalance") => "0x234c8a3397aab58",
            Some("eth_sendRawTransaction") => "0xe670ec64341771606e55d6b4ca35a1a6b75ee3d5145a99d05921026d1527331",
            _ => {
                let error = json!({ "code": -32601, "message": "the method does not exist" });
                return json!({ "jsonrpc": "2.0", "error": error, "id": call["id"] });
            }
        };
        json!({ "jsonrpc": "2.0", "result": result, "id": call["id"] })
    };
    match serde_json::from_slice(&body).unwrap_or_default() {
        Value::Array(calls) => as_json(&calls.iter().map(answer).collect()).into_response(),
        call => as_json(&answer(&call)).into_response(),
    }
}

fn as_json(answer: &Value) -> impl IntoResponse + use<> {
    ([(CONTENT_TYPE, "application/json")], answer.to_string())
}
