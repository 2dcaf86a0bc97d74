//! The head of a response, for calls that ask for it: [`WithMeta`] for users.

use std::fmt;
use std::sync::Arc;

use http::{HeaderMap, StatusCode};

/// A call's result with the head of its response. Made by [`Call::with_meta`](crate::Call::with_meta).
#[derive(Clone)]
#[non_exhaustive]
pub struct WithMeta<T> {
    /// The result.
    pub value: T,
    meta: Arc<ResponseMeta>,
}

impl<T> WithMeta<T> {
    pub(crate) fn new(value: T, meta: Arc<ResponseMeta>) -> Self {
        Self { value, meta }
    }

    /// Returns the headers of the HTTP response, or of the answer in process. Each call of a batch has the headers of
    /// the response with its own result. They are empty if a layer of the client answered the call without passing it
    /// on.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Context, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder()
    ///     .method("report", |cx: Context| async move {
    ///         cx.response_header("x-cost", "7").expect("the header can be set");
    ///         "long"
    ///     })
    ///     .build();
    /// let report = Client::in_process(&server).call::<String>("report", ()).with_meta().await?;
    /// assert_eq!(report.headers()["x-cost"], "7");
    /// # Ok(())
    /// # }
    /// ```
    pub fn headers(&self) -> &HeaderMap {
        &self.meta.headers
    }

    /// Returns the HTTP status. It is `None` in process, and if a layer has answered.
    ///
    /// # Example
    ///
    /// ```
    /// use http::StatusCode;
    /// use rpc::{Client, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().method("ping", || async { "pong" }).build();
    /// let server = server.bind("127.0.0.1:0").await?.spawn();
    /// let client = Client::new(format!("http://{}", server.local_addr()))?;
    /// let pong = client.call::<String>("ping", ()).with_meta().await?;
    /// assert_eq!(pong.status(), Some(StatusCode::OK));
    /// # server.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn status(&self) -> Option<StatusCode> {
        self.meta.status
    }

    /// Converts the result and keeps the head.
    pub fn map<U>(self, convert: impl FnOnce(T) -> U) -> WithMeta<U> {
        WithMeta { value: convert(self.value), meta: self.meta }
    }
}

/// Shows no headers, since they may hold secrets.
impl<T: fmt::Debug> fmt::Debug for WithMeta<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithMeta")
            .field("value", &self.value)
            .field("status", &self.meta.status)
            .finish_non_exhaustive()
    }
}

/// The head of a response.
#[derive(Clone, Default)]
pub(crate) struct ResponseMeta {
    pub(crate) status: Option<StatusCode>,
    pub(crate) headers: HeaderMap,
}
