use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{Extensions, Method};
use rpc_core::{Answer, AnswerStatus, BoxFuture, Dispatch, RequestContext};

use super::{Reply, Request, Transport};
use crate::Failure;

/// Hands requests to a server in the same process: the bytes are the same, only the socket is missing.
pub(crate) struct InProcess(Arc<dyn Dispatch>);

impl InProcess {
    pub(crate) fn new(server: impl Dispatch) -> Self {
        Self(Arc::new(server))
    }
}

impl Transport for InProcess {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        let context = RequestContext::new(request.headers, None, Extensions::new());
        let context = Arc::new(context.counting_from_now(|| tokio::time::Instant::now().into_std()));
        if request.method == Method::HEAD {
            let answer = self.0.announce(context);
            return Box::pin(async move { Ok(head(answer.await)) });
        }
        let answer = self.0.dispatch(request.body, context);
        Box::pin(async move {
            let answer = answer.await;
            Ok(Reply { headers: answer.headers.map(|headers| *headers).unwrap_or_default(), ..Reply::new(answer.body) })
        })
    }
}

/// Makes what HTTP answers to `HEAD`.
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
