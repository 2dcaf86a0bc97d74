//! The service as it would be written for each peer: one file of types and the trait, one of the handlers, and a
//! library that starts a server and calls it.

use super::source::{Answer, each, each_called, types};

/// The source of the service for one peer.
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// Lines of the manifest. `REPOSITORY` stands for the path of our repository.
    pub(crate) dependencies: &'static str,
    /// Writes all files except that of the handlers.
    pub(crate) files: fn() -> [(&'static str, String); 2],
    /// Writes the file of the handlers, which edits change.
    pub(crate) service: fn(usize) -> String,
}

impl Peer {
    pub(crate) fn all() -> [Self; 4] {
        [
            Self {
                name: "by-hand",
                dependencies: "axum = \"0.8\"\nreqwest = { version = \"0.13\", default-features = false }\n\
                               serde_json = { version = \"1\", features = [\"raw_value\"] }\n",
                files: by_hand,
                service: by_hand_service,
            },
            Self {
                name: "tarpc",
                dependencies: "futures = \"0.3\"\ntarpc = { version = \"0.38\", features = [\"full\"] }\n",
                files: tarpc,
                service: tarpc_service,
            },
            Self {
                name: "jsonrpsee",
                dependencies: "jsonrpsee = { version = \"0.26\", features = [\"http-client\", \"macros\", \"server\"] }\n",
                files: jsonrpsee,
                service: jsonrpsee_service,
            },
            Self {
                name: "ours",
                dependencies: "rpc = { path = \"REPOSITORY\" }\nthiserror = \"2\"\n",
                files: ours,
                service: ours_service,
            },
        ]
    }
}

/// Writes a library: the server that it starts, and the calls that it makes.
fn library(start: &str, call: impl Fn(&str, &str) -> String) -> String {
    let calls = each_called(|method| format!("        {};\n", call(&method.name(), &method.values())));
    format!(
        "pub mod contract;\npub mod service;\n\nuse contract::*;\nuse service::Store;\n\n\
         pub fn run() {{\n    tokio::runtime::Runtime::new().unwrap().block_on(async {{\n{start}{calls}    }});\n}}\n"
    )
}

/// Writes the handlers, from the line that opens the implementation, the first arguments and the type of the results.
fn service(revision: usize, open: &str, receiver: &str, answer: impl Fn(Answer) -> (String, &'static str)) -> String {
    let methods = each(|method| {
        let (output, last) = answer(method.answer);
        format!(
            "    async fn {}({receiver}, {}) -> {output} {{ {} }}\n",
            method.name(),
            method.params(),
            method.body(revision, last)
        )
    });
    format!("use crate::contract::*;\n\n#[derive(Clone)]\npub struct Store;\n\n{open} {{\n{methods}}}\n")
}

fn plainly(answer: Answer) -> (String, &'static str) {
    (answer.declared(), "VALUE")
}

const PLAIN_ERROR: &str = "#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]\n\
                           pub enum StoreError { NotFound { id: u64 }, Empty { field: String } }\n";

fn by_hand() -> [(&'static str, String); 2] {
    let params = each(|method| {
        format!(
            "#[derive(Serialize, Deserialize)]\npub struct {} {{ {} }}\n",
            method.type_name(),
            method.params().split(", ").map(|param| format!("pub {param}")).collect::<Vec<_>>().join(", ")
        )
    });
    let arms = each(|method| {
        let call = format!("service.{}({}).await", method.name(), method.fields());
        let answer = match method.answer {
            Answer::Fallible => {
                format!("match {call} {{ Ok(value) => result(id, &value), Err(error) => failure(id, &error) }}")
            }
            _ => format!("result(id, &{call})"),
        };
        format!("        \"{}\" => {{ let params: {} = read(params)?; {answer} }}\n", method.name(), method.type_name())
    });
    let calls = each(|method| {
        format!(
            "    pub async fn {name}(&self, {}) -> Result<{}, CallError> {{\n        \
             self.call(\"{name}\", &{} {{ {} }}).await\n    }}\n",
            method.params(),
            method.answer.ok(),
            method.type_name(),
            method.names(),
            name = method.name(),
        )
    });
    let contract =
        types(PLAIN_ERROR) + &BY_HAND.replace("$params", &params).replace("$arms", &arms).replace("$calls", &calls);
    let start = "        let listener = tokio::net::TcpListener::bind(\"127.0.0.1:0\").await.unwrap();\n        \
                 let url = format!(\"http://{}\", listener.local_addr().unwrap());\n        \
                 tokio::spawn(axum::serve(listener, router(Store)).into_future());\n        \
                 let client = Client { http: reqwest::Client::new(), url };\n";
    let library = library(start, |name, values| format!("let _ = client.{name}({values}).await"));
    [("contract.rs", contract), ("lib.rs", library)]
}

fn by_hand_service(revision: usize) -> String {
    service(revision, "impl Store", "&self", plainly).replace("    async fn", "    pub async fn")
}

/// The code that one writes by hand around the methods without a framework.
const BY_HAND: &str = r##"
use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::service::Store;

$params
#[derive(Deserialize)]
struct Request<'a> {
    id: u64,
    #[serde(borrow)]
    method: Cow<'a, str>,
    #[serde(borrow)]
    params: &'a RawValue,
}

#[derive(Deserialize)]
struct Response<T> {
    result: Option<T>,
    error: Option<ErrorBody>,
}

#[derive(Debug, Serialize, Deserialize)]
pub struct ErrorBody { pub code: i64, pub message: String, pub data: Option<StoreError> }

#[derive(Debug)]
pub enum CallError { Http(reqwest::Error), Json(serde_json::Error), Answer(ErrorBody), Empty }

pub fn router(service: Store) -> axum::Router {
    axum::Router::new().route("/", axum::routing::post(handle)).with_state(Arc::new(service))
}

async fn handle(State(service): State<Arc<Store>>, body: Bytes) -> Vec<u8> {
    let Ok(Request { id, method, params }) = serde_json::from_slice(&body) else {
        return error(0, -32600, "Invalid Request", None);
    };
    dispatch(&service, id, &method, params).await.unwrap_or_else(|_| error(id, -32602, "Invalid params", None))
}

async fn dispatch(service: &Store, id: u64, method: &str, params: &RawValue) -> Result<Vec<u8>, serde_json::Error> {
    Ok(match method {
$arms        _ => error(id, -32601, "Method not found", None),
    })
}

fn read<T: DeserializeOwned>(params: &RawValue) -> Result<T, serde_json::Error> {
    serde_json::from_str(params.get())
}

fn result<T: Serialize>(id: u64, value: &T) -> Vec<u8> {
    let mut out = br#"{"jsonrpc":"2.0","result":"#.to_vec();
    if serde_json::to_writer(&mut out, value).is_err() {
        return error(id, -32603, "Internal error", None);
    }
    out.extend_from_slice(format!(",\"id\":{id}}}").as_bytes());
    out
}

fn failure(id: u64, data: &StoreError) -> Vec<u8> {
    error(id, 1001, "store error", Some(data.clone()))
}

fn error(id: u64, code: i64, message: &str, data: Option<StoreError>) -> Vec<u8> {
    let error = serde_json::to_string(&ErrorBody { code, message: message.to_owned(), data }).unwrap_or_default();
    format!("{{\"jsonrpc\":\"2.0\",\"error\":{error},\"id\":{id}}}").into_bytes()
}

pub struct Client { pub http: reqwest::Client, pub url: String }

impl Client {
$calls
    async fn call<P: Serialize, T: DeserializeOwned>(&self, method: &str, params: &P) -> Result<T, CallError> {
        let mut body = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"{method}\",\"params\":").into_bytes();
        serde_json::to_writer(&mut body, params).map_err(CallError::Json)?;
        body.push(b'}');
        let response = self.http.post(&self.url).body(body).send().await.map_err(CallError::Http)?;
        let bytes = response.bytes().await.map_err(CallError::Http)?;
        let response: Response<T> = serde_json::from_slice(&bytes).map_err(CallError::Json)?;
        match (response.result, response.error) {
            (Some(result), None) => Ok(result),
            (_, Some(error)) => Err(CallError::Answer(error)),
            (None, None) => Err(CallError::Empty),
        }
    }
}
"##;

fn tarpc() -> [(&'static str, String); 2] {
    let methods = each(|method| {
        format!("    async fn {}({}) -> {};\n", method.name(), method.params(), method.answer.declared())
    });
    let contract = types(PLAIN_ERROR) + &format!("#[tarpc::service]\npub trait Bench {{\n{methods}}}\n");
    let start = "        use futures::StreamExt;\n        use tarpc::server::Channel;\n        \
                 use tarpc::tokio_serde::formats::Json;\n        \
                 let mut listener = tarpc::serde_transport::tcp::listen(\"127.0.0.1:0\", Json::default).await.unwrap();\n        \
                 let address = listener.local_addr();\n        \
                 tokio::spawn(async move {\n            \
                 while let Some(Ok(transport)) = listener.next().await {\n                \
                 let channel = tarpc::server::BaseChannel::with_defaults(transport);\n                \
                 tokio::spawn(channel.execute(Store.serve()).for_each(|call| async { tokio::spawn(call); }));\n            \
                 }\n        });\n        \
                 let transport = tarpc::serde_transport::tcp::connect(address, Json::default).await.unwrap();\n        \
                 let client = BenchClient::new(tarpc::client::Config::default(), transport).spawn();\n";
    let library =
        library(start, |name, values| format!("let _ = client.{name}(tarpc::context::current(), {values}).await"));
    [("contract.rs", contract), ("lib.rs", library)]
}

fn tarpc_service(revision: usize) -> String {
    service(revision, "impl Bench for Store", "self, _: tarpc::context::Context", plainly)
}

fn jsonrpsee() -> [(&'static str, String); 2] {
    let methods = each(|method| {
        format!(
            "    #[method(name = \"{name}\")]\n    async fn {name}(&self, {}) -> {};\n",
            method.params(),
            result(method.answer),
            name = method.name(),
        )
    });
    let error = "impl From<StoreError> for jsonrpsee::types::ErrorObjectOwned {\n    \
                 fn from(error: StoreError) -> Self { Self::owned(1001, \"store error\", Some(error)) }\n}\n";
    let contract = types(PLAIN_ERROR)
        + error
        + &format!("#[jsonrpsee::proc_macros::rpc(client, server)]\npub trait Bench {{\n{methods}}}\n");
    let start = "        let server = jsonrpsee::server::Server::builder().build(\"127.0.0.1:0\").await.unwrap();\n        \
                 let url = format!(\"http://{}\", server.local_addr().unwrap());\n        \
                 let _handle = server.start(Store.into_rpc());\n        \
                 let client = jsonrpsee::http_client::HttpClient::builder().build(url).unwrap();\n";
    let library = library(start, |name, values| format!("let _ = client.{name}({values}).await"));
    [("contract.rs", contract), ("lib.rs", library)]
}

fn jsonrpsee_service(revision: usize) -> String {
    let open = "#[jsonrpsee::core::async_trait]\nimpl BenchServer for Store";
    service(revision, open, "&self", |answer| match answer {
        Answer::Fallible => (result(answer), "VALUE"),
        _ => (result(answer), "Ok(VALUE)"),
    })
}

/// jsonrpsee's methods always return a `Result`.
fn result(answer: Answer) -> String {
    match answer {
        Answer::Fallible => answer.declared(),
        _ => format!("jsonrpsee::core::RpcResult<{}>", answer.ok()),
    }
}

fn ours() -> [(&'static str, String); 2] {
    let methods = each(|method| {
        format!("    async fn {}(&self, {}) -> {};\n", method.name(), method.params(), method.answer.declared())
    });
    let error = "#[derive(Clone, Debug, PartialEq, thiserror::Error, rpc::RpcError)]\npub enum StoreError {\n    \
                 #[error(\"item {id} not found\")]\n    #[rpc(code = 1001)]\n    NotFound { id: u64 },\n    \
                 #[error(\"{field} must not be empty\")]\n    #[rpc(code = 1002)]\n    Empty { field: String },\n}\n";
    let contract = types(error) + &format!("#[rpc::service]\npub trait Bench {{\n{methods}}}\n");
    let start = "        let server = rpc::Server::builder().service(BenchServer::new(Store)).build();\n        \
                 let server = server.bind(\"127.0.0.1:0\").await.unwrap().spawn();\n        \
                 let client = rpc::Client::new(format!(\"http://{}\", server.local_addr())).unwrap();\n        \
                 let client = BenchClient::new(client);\n";
    let library = library(start, |name, values| format!("let _ = client.{name}({values}).await"));
    [("contract.rs", contract), ("lib.rs", library)]
}

fn ours_service(revision: usize) -> String {
    service(revision, "impl Bench for Store", "&self", plainly)
}
