//! axum: hand-written in the two usual ways, and around our server.

use axum::body::Bytes;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::Result;
use crate::subject::dispatch::{ours, raw};
use crate::workload::{self, Page, Subtract};

pub(super) async fn serve(listener: TcpListener, app: Router) -> Result<()> {
    Ok(axum::serve(listener, app).await?)
}

/// Builds an application of our server, with this many layers that only pass requests on.
pub(super) fn ours(layers: usize) -> Router {
    (0..layers).fold(ours::server().into_router(), |app, _| app.layer(middleware::from_fn(pass_on)))
}

async fn pass_on(request: Request, next: Next) -> Response {
    next.run(request).await
}

/// Builds the application that answers bytes with bytes, as raw hyper does.
pub(super) fn bytes() -> Router {
    Router::new().route("/", post(answer_bytes))
}

async fn answer_bytes(body: Bytes) -> Response {
    match raw::answer(&body).await {
        Some(answer) => ([(CONTENT_TYPE, "application/json")], answer).into_response(),
        None => StatusCode::BAD_REQUEST.into_response(),
    }
}

/// Builds the application that most users write first.
pub(super) fn value() -> Router {
    // Batches of 10,000 exceed axum's default body limit.
    Router::new().route("/", post(answer_value)).layer(axum::extract::DefaultBodyLimit::disable())
}

async fn answer_value(Json(body): Json<Value>) -> Json<Value> {
    let Value::Array(entries) = body else {
        return Json(answer_entry(body).await);
    };
    let mut answers = Vec::with_capacity(entries.len());
    for entry in entries {
        answers.push(answer_entry(entry).await);
    }
    Json(Value::Array(answers))
}

async fn answer_entry(mut entry: Value) -> Value {
    let (id, params) = (entry["id"].take(), entry["params"].take());
    let result = match entry["method"].as_str() {
        Some("subtract") => match serde_json::from_value(params) {
            Ok(Subtract { a, b }) => json!(workload::subtract(a, b).await),
            Err(error) => return failure(&id, -32602, &error.to_string()),
        },
        Some("page") => match serde_json::from_value(params) {
            Ok(Page { offset, limit }) => json!(workload::page(offset, limit).await),
            Err(error) => return failure(&id, -32602, &error.to_string()),
        },
        Some("echo") => match serde_json::from_value(params) {
            Ok((text,)) => json!(workload::echo(text).await),
            Err(error) => return failure(&id, -32602, &error.to_string()),
        },
        _ => return failure(&id, -32601, "Method not found"),
    };
    json!({ "jsonrpc": "2.0", "result": result, "id": id })
}

fn failure(id: &Value, code: i32, message: &str) -> Value {
    json!({ "jsonrpc": "2.0", "error": { "code": code, "message": message }, "id": id })
}
