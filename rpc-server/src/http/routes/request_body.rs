//! The request body that a route reads: a stream within the limits for size, time and progress. What the route leaves
//! unread is drained in the background.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http::HeaderMap;
use http::header::EXPECT;
use http_body::{Body, Frame, SizeHint};
use http_body_util::{BodyExt, Full, Limited};
use tokio::sync::oneshot;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::Limits;
use crate::http::discard::discard;
use crate::http::streamed_body::BodyError;

/// The body of a request to a route, within the limits of bodies.
///
/// What a route leaves unread is drained for a while, so that the client can read the answer.
pub(super) struct RequestBody<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync,
{
    /// `None` once the body has ended.
    body: Option<B>,
    /// Whether the client waits for `100 Continue`, and the body was not polled yet.
    waits_to_go_on: bool,
    /// The number of bytes that may still arrive.
    left: usize,
    in_all: Duration,
    progress: Duration,
    /// When the whole body must have arrived. Set at the first wait.
    deadline: Option<Option<Instant>>,
    clock: Option<Pin<Box<Sleep>>>,
    /// Dropped when the server no longer waits for the body.
    arrives: Option<oneshot::Sender<()>>,
}

impl<B> RequestBody<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync,
{
    pub(super) fn new(body: B, headers: &HeaderMap, limits: &Limits, arrives: oneshot::Sender<()>) -> Self {
        Self {
            body: Some(body),
            waits_to_go_on: headers.contains_key(EXPECT),
            left: limits.max_request_bytes,
            in_all: limits.body_timeout,
            progress: limits.body_progress_timeout,
            deadline: None,
            clock: None,
            arrives: Some(arrives),
        }
    }

    /// Returns whether the body is too late.
    fn is_late(&mut self, cx: &mut Context<'_>) -> bool {
        let (in_all, progress) = (self.in_all, self.progress);
        let now = Instant::now;
        let deadline = *self.deadline.get_or_insert_with(|| now().checked_add(in_all));
        if self.clock.is_none() {
            let until = [deadline, now().checked_add(progress)].into_iter().flatten().min();
            self.clock = until.map(|until| Box::pin(sleep_until(until)));
        }
        self.clock.as_mut().is_some_and(|clock| clock.as_mut().poll(cx).is_ready())
    }

    fn end(&mut self) {
        self.body = None;
        self.arrives = None;
    }
}

impl<B> Body for RequestBody<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        let Some(body) = &mut this.body else { return Poll::Ready(None) };
        this.waits_to_go_on = false;
        match Pin::new(&mut *body).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => {
                this.clock = None;
                let Some(left) = this.left.checked_sub(frame.data_ref().map_or(0, Bytes::len)) else {
                    this.left = 0;
                    this.arrives = None;
                    return Poll::Ready(Some(Err(too_large())));
                };
                this.left = left;
                if body.is_end_stream() {
                    this.end();
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(Some(Err(error))) => {
                this.end();
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Ready(None) => {
                this.end();
                Poll::Ready(None)
            }
            Poll::Pending if this.is_late(cx) => {
                this.end();
                let error = io::Error::new(io::ErrorKind::TimedOut, "the body did not arrive in time");
                Poll::Ready(Some(Err(error.into())))
            }
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

/// Returns the error that axum's extractors answer with 413. Only the error of [`Limited`] has that effect.
fn too_large() -> BodyError {
    let beyond = Limited::new(Full::new(Bytes::from_static(b"x")), 0).frame().now_or_never();
    match beyond {
        Some(Some(Err(error))) => error,
        _ => io::Error::other("length limit exceeded").into(),
    }
}

impl<B> Drop for RequestBody<B>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::error::Error + Send + Sync,
{
    fn drop(&mut self) {
        if let Some(body) = self.body.take().filter(|_| !self.waits_to_go_on) {
            discard(body, &HeaderMap::new());
        }
    }
}
