//! The transport to a server in the same process: bytes in, bytes out, without a socket. It uses the server only
//! through [`Dispatch`].

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{self, Poll, ready};

use bytes::Bytes;
use futures_util::Stream;
use http::header::CONTENT_TYPE;
use http::{Extensions, HeaderMap, HeaderValue};
use rpc_core::{Answer, AnswerStatus, AnswerStream, BoxFuture, Dispatch, RequestContext};

use super::{Reply, ReplyBody, Request, Transport};
use crate::Failure;

/// Passes requests to a server in the same process. The bytes are the same as over HTTP, and only the socket is
/// missing.
pub(crate) struct InProcess(Arc<dyn Dispatch>);

impl InProcess {
    pub(crate) fn new(server: impl Dispatch) -> Self {
        Self(Arc::new(server))
    }
}

impl Transport for InProcess {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        let answer = self.0.dispatch(request.body, context(request.headers));
        Box::pin(async move {
            let answer = answer.await;
            let mut headers = answer.headers.map(|headers| *headers).unwrap_or_default();
            let Some(stream) = answer.stream else { return Ok(Reply { headers, ..Reply::new(answer.body) }) };
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
            Ok(Reply { headers, ..Reply::new(ReplyBody::from_messages(Messages(stream))) })
        })
    }

    fn probe(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        let answer = self.0.announce(context(request.headers));
        Box::pin(async move { Ok(head(answer.await)) })
    }
}

fn context(headers: HeaderMap) -> Arc<RequestContext> {
    let context = RequestContext::new(headers, None, Extensions::new());
    Arc::new(context.counting_from_now(|| tokio::time::Instant::now().into_std()))
}

/// The messages of a stream. The server is polled only when the client's reader asks.
struct Messages(Box<AnswerStream>);

impl Stream for Messages {
    type Item = Result<Bytes, Failure>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> Poll<Option<Result<Bytes, Failure>>> {
        let mut message = Vec::new();
        let polled = ready!(self.0.poll_message(cx, &mut message));
        Poll::Ready(polled.map(|_| Ok(message.into())))
    }
}

/// Converts an announcement into the HTTP answer to `HEAD`.
fn head(answer: Answer) -> Reply {
    let status = match answer.status {
        AnswerStatus::Refused(_, status) => Some(status),
        _ => None,
    };
    let headers = answer.headers.map(|headers| *headers).unwrap_or_default();
    Reply { status, headers, ..Reply::new(Bytes::new()) }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InProcess")
    }
}
