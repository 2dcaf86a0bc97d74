use std::fmt;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use crate::contain::contain;
use crate::{AnswerStatus, MaybeSend};

/// Writes the messages of an accepted stream, one after another: its items, and at last the answer to its call.
///
/// The server implements it for streams of its methods. A [`Dispatch`](crate::Dispatch) of one's own implements it to
/// answer with a stream.
pub trait StreamMessages: MaybeSend + 'static {
    /// Appends the text of the next message to `output`.
    ///
    /// It is polled only when there is room for a message, so a client that does not read slows the stream down. It is
    /// not polled again after [`StreamMessage::Answer`].
    fn poll_message(self: Pin<&mut Self>, cx: &mut Context<'_>, output: &mut Vec<u8>) -> Poll<StreamMessage>;
}

/// Which message of a stream was written.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamMessage {
    /// A notification with an item. The range is the place of the cursor's JSON text in the output, if it has one.
    Item(Option<Range<usize>>),
    /// The answer to the call, which ends the stream.
    Answer(AnswerStatus),
}

/// An accepted stream: what follows the acceptance of a call.
///
/// Dropping it ends the stream.
pub struct AnswerStream(Option<Pin<Box<dyn StreamMessages>>>);

impl AnswerStream {
    /// Makes a stream from its messages.
    pub fn new(messages: impl StreamMessages) -> Self {
        Self(Some(Box::pin(messages)))
    }

    /// Appends the text of the next message to `output`. Returns `None` after the answer, and after a panic of the
    /// code that writes the messages.
    ///
    /// # Cancel safety
    ///
    /// No message is lost while this is pending: the output is unchanged then.
    pub fn poll_message(&mut self, cx: &mut Context<'_>, output: &mut Vec<u8>) -> Poll<Option<StreamMessage>> {
        let Some(messages) = &mut self.0 else { return Poll::Ready(None) };
        let start = output.len();
        let polled = contain(|| messages.as_mut().poll_message(cx, output));
        match polled {
            Some(Poll::Pending) => Poll::Pending,
            Some(Poll::Ready(message)) => {
                if let StreamMessage::Answer(_) = message {
                    self.end();
                }
                Poll::Ready(Some(message))
            }
            None => {
                output.truncate(start);
                self.end();
                Poll::Ready(None)
            }
        }
    }

    /// Drops the messages. The user's code may panic.
    fn end(&mut self) {
        contain(|| drop(self.0.take()));
    }
}

impl Drop for AnswerStream {
    fn drop(&mut self) {
        self.end();
    }
}

impl fmt::Debug for AnswerStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AnswerStream").field("has_ended", &self.0.is_none()).finish_non_exhaustive()
    }
}
