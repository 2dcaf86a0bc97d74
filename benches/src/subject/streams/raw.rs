//! The baseline: hyper and a hand-written body of events, with nothing in between.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderValue, Request, Response, StatusCode};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Either, Empty};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::Result;
use crate::subject::host::listen;
use crate::workload::{Pace, TICK, Ticks};

/// The size up to which events share a chunk, in bytes.
const CHUNK: usize = 8 << 10;

#[derive(Deserialize)]
struct Call<'a> {
    method: &'a str,
    params: (Pace, u64),
    #[serde(borrow)]
    id: &'a RawValue,
}

/// The events of a stream.
struct Events {
    /// The ticks, until the answer was written.
    ticks: Option<Ticks>,
    id: Box<str>,
}

pub(super) async fn serve() -> Result<()> {
    let listener = listen().await?;
    loop {
        let (stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            // A broken connection affects only its client.
            let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service_fn(handle)).await;
        });
    }
}

async fn handle(request: Request<Incoming>) -> Result<Response<Either<Events, Empty<Bytes>>>, Infallible> {
    let body = request.into_body().collect().await;
    let Some(events) = body.ok().and_then(|body| open(&body.to_bytes())) else {
        let mut response = Response::new(Either::Right(Empty::new()));
        *response.status_mut() = StatusCode::BAD_REQUEST;
        return Ok(response);
    };
    let mut response = Response::new(Either::Left(events));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

fn open(request: &[u8]) -> Option<Events> {
    let call: Call<'_> = serde_json::from_slice(request).ok()?;
    let (pace, count) = call.params;
    (call.method == TICK).then(|| Events { ticks: Some(pace.ticks(count)), id: call.id.get().into() })
}

impl Body for Events {
    type Data = Bytes;
    type Error = serde_json::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, serde_json::Error>>> {
        let Self { ticks, id } = &mut *self;
        let mut chunk = Vec::new();
        while let Some(open) = ticks
            && chunk.len() < CHUNK
        {
            match Pin::new(open).poll_next(cx) {
                Poll::Ready(Some(tick)) => {
                    let head = br#"data: {"jsonrpc":"2.0","method":"ticks","params":{"subscription":"#;
                    chunk.extend_from_slice(head);
                    chunk.extend_from_slice(id.as_bytes());
                    chunk.extend_from_slice(br#","result":"#);
                    if let Err(error) = serde_json::to_writer(&mut chunk, &tick) {
                        return Poll::Ready(Some(Err(error)));
                    }
                    chunk.extend_from_slice(b"}}\n\n");
                }
                Poll::Ready(None) => {
                    let answer = format!("data: {{\"jsonrpc\":\"2.0\",\"result\":null,\"id\":{id}}}\n\n");
                    chunk.extend_from_slice(answer.as_bytes());
                    *ticks = None;
                }
                Poll::Pending if chunk.is_empty() => return Poll::Pending,
                Poll::Pending => break,
            }
        }
        Poll::Ready((!chunk.is_empty()).then(|| Ok(Frame::data(chunk.into()))))
    }
}
