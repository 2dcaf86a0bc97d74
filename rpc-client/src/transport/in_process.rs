use std::fmt;
use std::sync::Arc;

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
        let mut context = RequestContext::default();
        context.headers = (*request.headers).clone();
        let answer = self.0.dispatch(request.body, Arc::new(context));
        Box::pin(async move { Ok(Reply::new(answer.await.body)) })
    }
}

impl fmt::Debug for InProcess {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InProcess")
    }
}
