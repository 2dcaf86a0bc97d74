//! Batches as users write them. [`Batch`] is the trait of everything that can be sent in a batch, and [`BatchCall`] is
//! a batch before it is sent. `compose` splits it into flat entries and joins the answers again. `send` sends them.

mod compose;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{HeaderName, HeaderValue};
use rpc_core::{BoxFuture, MaybeSend};

use crate::engine::Engine;
use crate::error::AnswerResult;
use crate::failure::Failure;
use crate::headers::set_header;
use crate::parts::CallParts;
use crate::reliability::retry::Retry;
use crate::send::{self, BatchOptions};
use crate::stable_hash::stable_hash;

/// What can be sent in a batch: a [`Call`](crate::Call), a [`Notification`](crate::Notification), and tuples of up to
/// 12, arrays, `Vec`s and `Option`s of these, in any nesting.
///
/// Other crates cannot implement it, because the argument types of its functions cannot be named.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be sent in a batch",
    note = "a batch is made of calls and notifications, in tuples of up to 12, arrays, `Vec`s and `Option`s",
    note = "calls are put into it as they are, without `.await`"
)]
pub trait Batch {
    /// The output: each call replaced by its result.
    type Output;

    /// The structure of the batch without its entries, kept while the batch is in flight.
    #[doc(hidden)]
    type Shape: MaybeSend + Unpin;

    #[doc(hidden)]
    fn split(self, entries: &mut Entries) -> Self::Shape;

    #[doc(hidden)]
    fn join(shape: Self::Shape, answers: &mut Answers) -> Self::Output;
}

/// Collects the entries of a batch, flat and in order.
#[derive(Debug, Default)]
#[allow(unnameable_types, unreachable_pub)]
pub struct Entries(Vec<CallParts>);

impl Entries {
    /// Reserves room for this many parts. Most parts are one entry.
    fn reserve(&mut self, parts: usize) {
        self.0.reserve(parts);
    }

    fn push(&mut self, parts: CallParts) {
        self.0.push(parts);
    }
}

/// Yields the entries' answers, in the order in which the entries were collected.
#[derive(Debug)]
#[allow(unnameable_types, unreachable_pub)]
pub struct Answers(std::vec::IntoIter<AnswerResult>);

impl Answers {
    fn next(&mut self) -> AnswerResult {
        self.0.next().expect("there is an answer for each entry")
    }
}

/// A batch that has not been sent yet, made by [`Client::batch`](crate::Client::batch). Awaiting it sends it.
///
/// # Errors
///
/// It fails as a whole only if nothing was sent. Otherwise each call has its own result.
///
/// # Cancel safety
///
/// As for a [`Call`](crate::Call).
#[must_use = "a batch is sent only when it is awaited"]
pub struct BatchCall<B: Batch> {
    engine: Arc<Engine>,
    entries: Vec<CallParts>,
    shape: B::Shape,
    options: BatchOptions,
}

impl<B: Batch> BatchCall<B> {
    pub(crate) fn new(engine: Arc<Engine>, calls: B) -> Self {
        let mut entries = Entries::default();
        let shape = calls.split(&mut entries);
        Self { engine, entries: entries.0, shape, options: BatchOptions::default() }
    }

    /// Sets how long the batch may take in total. Default: the longest deadline of its calls. By default no call is
    /// retried after its own deadline.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rpc::{Client, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().method("hang", || std::future::pending::<u64>()).build();
    /// let client = Client::in_process(&server);
    /// let calls = [client.call::<u64>("hang", ()), client.call::<u64>("hang", ())];
    /// let results = client.batch(calls).deadline(Duration::from_millis(200)).await?;
    /// for result in results {
    ///     assert!(result.unwrap_err().is_timeout());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.options.deadline = Some(deadline);
        self
    }

    /// Limits the batch to the time for which the caller of the current handler still waits, as
    /// [`Call::deadline_from`](crate::Call::deadline_from) does for a call. It bounds all calls of the batch, and the
    /// batch's own deadline.
    pub fn deadline_from(mut self, cx: &rpc_core::Context) -> Self {
        self.options.until = self.options.until.of_caller(cx);
        self
    }

    /// Copies headers from the request of the current handler, for all calls of the batch, as
    /// [`Call::headers_from`](crate::Call::headers_from) does for a call. The batch's own headers and those of a call
    /// take precedence.
    pub fn headers_from(mut self, cx: &rpc_core::Context) -> Self {
        self.engine.propagated.copy(cx.headers(), &mut self.options.headers);
        self
    }

    /// Sets the retry policy for the calls of the batch. Each call is retried separately, where that is safe. A call's
    /// own policy takes precedence.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread", start_paused = true)]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // No server listens at port 1.
    /// let client = Client::new("http://127.0.0.1:1")?;
    /// let calls = [client.call::<u64>("count", ()), client.call::<u64>("count", ())];
    /// let failure = client.batch(calls).retry(Retry::never()).await.unwrap_err();
    /// assert_eq!(failure.attempts().len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn retry(mut self, retry: Retry) -> Self {
        self.options.retry = Some(retry);
        self
    }

    /// Sends a header with the batch. It replaces the client's header of the same name. A call's own headers take
    /// precedence.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Context, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder()
    ///     .method("tenant", |cx: Context| async move { cx.headers()["x-tenant"].to_str().unwrap().to_owned() })
    ///     .build();
    /// let client = Client::in_process(&server);
    /// let calls = (client.call::<String>("tenant", ()), client.call::<String>("tenant", ()).header("x-tenant", "b"));
    /// let (of_batch, own) = client.batch(calls).header("x-tenant", "a").await?;
    /// assert_eq!((of_batch?, own?), ("a".to_owned(), "b".to_owned()));
    /// # Ok(())
    /// # }
    /// ```
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        let set = set_header(&mut self.options.headers, name, value);
        self.options.failure = self.options.failure.or(set.err());
        self
    }

    /// Sets the key by which [`Balance::hash`](crate::Balance::hash) chooses the endpoint, for the calls and
    /// notifications without their own. See [`Call::hash_key`](crate::Call::hash_key).
    pub fn hash_key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.options.hash_key = Some(stable_hash(key.as_ref()));
        self
    }
}

impl<B: Batch> IntoFuture for BatchCall<B> {
    type Output = Result<B::Output, Failure>;
    type IntoFuture = BatchFuture<B>;

    fn into_future(self) -> BatchFuture<B> {
        let answered = Box::pin(send::batch(self.engine, self.entries, self.options));
        BatchFuture { answered, shape: Some(self.shape) }
    }
}

impl<B: Batch> fmt::Debug for BatchCall<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BatchCall").field("entries", &self.entries).finish_non_exhaustive()
    }
}

/// The future of a batch that was sent or is about to be.
#[must_use = "futures do nothing unless polled"]
pub struct BatchFuture<B: Batch> {
    answered: BoxFuture<Result<Vec<AnswerResult>, Failure>>,
    shape: Option<B::Shape>,
}

impl<B: Batch> Future for BatchFuture<B> {
    type Output = Result<B::Output, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let answered = ready!(self.answered.as_mut().poll(cx));
        let shape = self.shape.take().expect("a future is not polled again once it is ready");
        Poll::Ready(answered.map(|answers| B::join(shape, &mut Answers(answers.into_iter()))))
    }
}

impl<B: Batch> fmt::Debug for BatchFuture<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BatchFuture")
    }
}
