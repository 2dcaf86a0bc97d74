//! The body of every HTTP response: whole bytes, or a [`StreamedBody`], which is the body of a route's response. Whole
//! bytes hold their room in the byte budget until hyper has written or dropped them. Over HTTP/2 the body also reports
//! progress to [`UnreadAnswers`].

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::streamed_body::{BodyError, PIECE, StreamedBody};
use super::unread::{UnreadAnswer, UnreadAnswers};
use crate::load::{self, ByteRoom};

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct AnswerBody(AnswerBodyKind);

#[derive(Debug)]
enum AnswerBodyKind {
    /// A complete answer of the server.
    Whole { rest: Bytes, watched: Option<Arc<UnreadAnswer>> },
    /// The answer of a route. Boxed, so that complete answers stay small.
    Streamed(Box<StreamedBody>),
}

impl AnswerBody {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self(AnswerBodyKind::Whole { rest: bytes, watched: None })
    }

    pub(super) fn streamed(body: impl Body<Data = Bytes, Error = BodyError> + Send + 'static) -> Self {
        Self(AnswerBodyKind::Streamed(Box::new(StreamedBody::new(body))))
    }

    /// Makes the body of a call that has opened a stream. A peer may leave it unread for as long as it likes.
    pub(super) fn events(body: impl Body<Data = Bytes, Error = BodyError> + Send + 'static) -> Self {
        Self(AnswerBodyKind::Streamed(Box::new(StreamedBody::free(body))))
    }

    /// Returns the body of a route's answer, if this is one.
    pub(crate) fn as_streamed(&mut self) -> Option<&mut StreamedBody> {
        match &mut self.0 {
            AnswerBodyKind::Whole { .. } => None,
            AnswerBodyKind::Streamed(streamed) => Some(streamed),
        }
    }

    /// Makes the body of an answer, which releases its room when its bytes are sent or dropped.
    pub(super) fn counted(bytes: Vec<u8>, room: ByteRoom) -> Self {
        Self::new(counted(bytes, room))
    }

    /// Returns the bytes of a complete answer that hyper has not taken yet.
    pub(super) fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            AnswerBodyKind::Whole { rest, .. } => rest,
            AnswerBodyKind::Streamed(_) => &[],
        }
    }

    /// Counts the answer as unread until the last of its bytes is sent or dropped.
    pub(crate) fn watch(&mut self, unread: &Arc<UnreadAnswers>) {
        match &mut self.0 {
            AnswerBodyKind::Whole { rest, watched } if !rest.is_empty() => {
                let counted = Arc::new(UnreadAnswer::new(unread));
                let bytes = WatchedBytes { bytes: std::mem::take(rest), _counted: Arc::clone(&counted) };
                (*rest, *watched) = (Bytes::from_owner(bytes), Some(counted));
            }
            AnswerBodyKind::Whole { .. } => {}
            AnswerBodyKind::Streamed(streamed) => streamed.watch(unread),
        }
    }
}

/// Makes bytes that release their room when they are sent or dropped.
pub(super) fn counted(bytes: Vec<u8>, room: ByteRoom) -> Bytes {
    // hyper drops a body once it has the last frame, long before that frame is written. So the bytes hold the room.
    Bytes::from_owner(AnswerBytes { bytes, _room: room.unread() })
}

/// The bytes of an answer, which release their room when the last of them is dropped.
struct AnswerBytes {
    bytes: Vec<u8>,
    _room: load::UnreadRoom,
}

impl AsRef<[u8]> for AnswerBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The bytes of a watched answer. hyper holds them for longer than the body, so they count the answer as unread.
struct WatchedBytes {
    bytes: Bytes,
    _counted: Arc<UnreadAnswer>,
}

impl AsRef<[u8]> for WatchedBytes {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let (rest, watched) = match &mut self.0 {
            AnswerBodyKind::Whole { rest, watched } => (rest, watched),
            AnswerBodyKind::Streamed(streamed) => return Pin::new(&mut **streamed).poll_frame(cx),
        };
        if rest.is_empty() {
            return Poll::Ready(None);
        }
        let piece = match watched {
            None => rest.len(),
            Some(watched) => {
                // hyper takes the next piece once the peer has made room for the previous one.
                watched.progress();
                rest.len().min(PIECE)
            }
        };
        Poll::Ready(Some(Ok(Frame::data(rest.split_to(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            AnswerBodyKind::Whole { rest, .. } => rest.is_empty(),
            AnswerBodyKind::Streamed(streamed) => streamed.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            AnswerBodyKind::Whole { rest, .. } => SizeHint::with_exact(rest.len() as u64),
            AnswerBodyKind::Streamed(streamed) => streamed.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use http_body::Body;
    use http_body_util::BodyExt;

    use super::{AnswerBody, PIECE, UnreadAnswers};

    fn body(len: usize) -> AnswerBody {
        AnswerBody::new(Bytes::from(vec![b'x'; len]))
    }

    fn watched(len: usize, unread: &Arc<UnreadAnswers>) -> AnswerBody {
        let mut body = body(len);
        body.watch(unread);
        body
    }

    async fn pieces(mut body: AnswerBody) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        while let Some(frame) = body.frame().await {
            pieces.push(frame.unwrap().into_data().unwrap());
        }
        assert!(body.is_end_stream());
        pieces
    }

    #[test]
    fn an_answer_makes_no_room_for_streams() {
        assert_eq!(size_of::<AnswerBody>(), size_of::<Bytes>() + size_of::<usize>());
    }

    #[tokio::test]
    async fn an_answer_is_one_piece_unless_it_is_watched() {
        let unread = Arc::new(UnreadAnswers::default());
        assert_eq!(pieces(body(3 * PIECE)).await.len(), 1);
        let given = pieces(watched(2 * PIECE + 1, &unread)).await;
        assert_eq!(given.iter().map(Bytes::len).collect::<Vec<_>>(), [PIECE, PIECE, 1]);
        assert_eq!(pieces(watched(PIECE, &unread)).await.len(), 1);
        assert!(pieces(watched(0, &unread)).await.is_empty());
    }

    #[tokio::test]
    async fn an_answer_is_unread_until_its_last_bytes_are_dropped() {
        let unread = Arc::new(UnreadAnswers::default());
        let body = watched(2 * PIECE, &unread);
        assert!(unread.any());
        let mut given = pieces(body).await;
        given.pop();
        assert!(unread.any());
        given.pop();
        assert!(!unread.any());
    }

    #[tokio::test]
    async fn giving_out_a_piece_is_progress_and_holding_one_is_none() {
        let unread = Arc::new(UnreadAnswers::default());
        let mut body = watched(2 * PIECE, &unread);
        let mut held = Vec::new();
        for _ in 0..2 {
            for _ in 0..UnreadAnswers::TURNS {
                unread.begin_turn().unwrap();
            }
            held.push(body.frame().await.unwrap());
        }
        for _ in 0..UnreadAnswers::TURNS {
            unread.begin_turn().unwrap();
        }
        assert!(unread.begin_turn().is_err());
    }
}
