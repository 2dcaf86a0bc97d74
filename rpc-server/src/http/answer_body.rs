use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::unread::{Counted, Unread};
use crate::load::{self, Room};

/// How much of an answer is given out at a time where it is watched: a frame of HTTP/2.
const PIECE: usize = 16 << 10;

/// The body of an answer.
#[derive(Debug)]
pub(crate) struct AnswerBody {
    rest: Bytes,
    watched: Option<Arc<Counted>>,
}

impl AnswerBody {
    pub(super) fn new(bytes: Bytes) -> Self {
        Self { rest: bytes, watched: None }
    }

    /// Makes the body of an answer that has this room, which it gives back when its bytes are sent or given up.
    pub(super) fn counted(bytes: Vec<u8>, room: Room) -> Self {
        // hyper lets go of a body once it has its last frame, long before that is written. So the bytes themselves
        // hold their room.
        Self::new(Bytes::from_owner(Answer { bytes, _room: room.unread() }))
    }

    /// Returns the bytes that were not given out yet.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.rest
    }

    /// Counts the answer as unread until the last of its bytes is sent or given up.
    #[must_use]
    pub(crate) fn watched_by(self, unread: &Arc<Unread>) -> Self {
        if self.rest.is_empty() {
            return self;
        }
        let counted = Arc::new(Counted::new(unread));
        let bytes = Watched { bytes: self.rest, _counted: Arc::clone(&counted) };
        Self { rest: Bytes::from_owner(bytes), watched: Some(counted) }
    }
}

/// The bytes of an answer, which give their room back when the last of them is dropped.
struct Answer {
    bytes: Vec<u8>,
    _room: load::Unread,
}

impl AsRef<[u8]> for Answer {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The bytes of a watched answer, which hyper holds for longer than the body.
struct Watched {
    bytes: Bytes,
    _counted: Arc<Counted>,
}

impl AsRef<[u8]> for Watched {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl Body for AnswerBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.rest.is_empty() {
            return Poll::Ready(None);
        }
        let piece = match &self.watched {
            None => self.rest.len(),
            Some(watched) => {
                // hyper asks for the next piece when the peer has made room for the one before.
                watched.progress();
                self.rest.len().min(PIECE)
            }
        };
        Poll::Ready(Some(Ok(Frame::data(self.rest.split_to(piece)))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.rest.len() as u64)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use bytes::Bytes;
    use http_body::Body;
    use http_body_util::BodyExt;

    use super::{AnswerBody, PIECE, Unread};

    fn body(len: usize) -> AnswerBody {
        AnswerBody::new(Bytes::from(vec![b'x'; len]))
    }

    async fn pieces(mut body: AnswerBody) -> Vec<Bytes> {
        let mut pieces = Vec::new();
        while let Some(frame) = body.frame().await {
            pieces.push(frame.unwrap().into_data().unwrap());
        }
        assert!(body.is_end_stream());
        pieces
    }

    #[tokio::test]
    async fn an_answer_is_one_piece_unless_it_is_watched() {
        let unread = Arc::new(Unread::default());
        assert_eq!(pieces(body(3 * PIECE)).await.len(), 1);
        let watched = pieces(body(2 * PIECE + 1).watched_by(&unread)).await;
        assert_eq!(watched.iter().map(Bytes::len).collect::<Vec<_>>(), [PIECE, PIECE, 1]);
        assert_eq!(pieces(body(PIECE).watched_by(&unread)).await.len(), 1);
        assert!(pieces(body(0).watched_by(&unread)).await.is_empty());
    }

    #[tokio::test]
    async fn an_answer_is_unread_until_its_last_bytes_are_dropped() {
        let unread = Arc::new(Unread::default());
        let watched = body(2 * PIECE).watched_by(&unread);
        assert!(unread.any());
        let mut given = pieces(watched).await;
        given.pop();
        assert!(unread.any());
        given.pop();
        assert!(!unread.any());
    }

    #[tokio::test]
    async fn giving_out_a_piece_is_progress_and_holding_one_is_none() {
        let unread = Arc::new(Unread::default());
        let mut watched = body(2 * PIECE).watched_by(&unread);
        let mut held = Vec::new();
        for _ in 0..2 {
            for _ in 0..Unread::TURNS {
                unread.begin_turn().unwrap();
            }
            held.push(watched.frame().await.unwrap());
        }
        for _ in 0..Unread::TURNS {
            unread.begin_turn().unwrap();
        }
        assert!(unread.begin_turn().is_err());
    }
}
