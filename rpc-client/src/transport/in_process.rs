//! The transport to a server in the same process: bytes in, bytes out, without a socket. It uses the server only
//! through [`Dispatch`].

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{Extensions, HeaderMap};
use rpc_core::{Answer, AnswerStatus, BoxFuture, Dispatch, RequestContext};

use super::{Reply, Request, Transport};
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
            Ok(Reply { headers: answer.headers.map(|headers| *headers).unwrap_or_default(), ..Reply::new(answer.body) })
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
