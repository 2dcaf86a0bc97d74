use std::fmt;
use std::future::ready;
use std::sync::Arc;

use bytes::Bytes;
use http::{Extensions, Method};
use rpc_core::{BoxFuture, Dispatch, RequestContext};

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
        if request.method == Method::HEAD {
            let reply = Reply { headers: self.0.announcement(), ..Reply::new(Bytes::new()) };
            return Box::pin(ready(Ok(reply)));
        }
        let context = RequestContext::new(request.headers, None, Extensions::new());
        let context = context.counting_from_now(|| tokio::time::Instant::now().into_std());
        let answer = self.0.dispatch(request.body, Arc::new(context));
        Box::pin(async move {
            let answer = answer.await;
            Ok(Reply { headers: answer.headers.map(|headers| *headers).unwrap_or_default(), ..Reply::new(answer.body) })
        })
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InProcess")
    }
}
