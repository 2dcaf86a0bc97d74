//! [`StreamError`], which a stream yields in the place of an item: losses, undecodable items, and the ends of a stream
//! that was not at its end.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;

use rpc_core::ErrorObject;

use crate::error::Error;
use crate::failure::Failure;

/// What a [`Streaming`](crate::Streaming) yields in the place of an item.
///
/// The type is opaque, and predicates classify it. After [`is_gap`](Self::is_gap), [`is_lagged`](Self::is_lagged) and
/// [`is_decode`](Self::is_decode) the stream goes on. After [`is_end`](Self::is_end) and [`is_cut`](Self::is_cut) it
/// has ended. Exactly one of the five is true.
///
/// `E` is the error that the method declares.
///
/// # Example
///
/// ```
/// use rpc::StreamError;
///
/// fn advice(error: &StreamError) -> &'static str {
///     match error {
///         error if error.is_gap() || error.is_lagged() => "items are lost: load the state again, and read on",
///         error if error.is_decode() => "skip this item",
///         error if error.is_end() => "the server ended the stream",
///         _ => "the server cannot be reached",
///     }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct StreamError<E = Infallible>(Box<StreamErrorKind<E>>);

#[derive(Clone, Debug)]
enum StreamErrorKind<E> {
    Gap,
    Lagged(u64),
    Decode(Failure),
    End(Error<E>),
    Cut(Failure),
}

impl<E> StreamError<E> {
    pub(crate) fn gap() -> Self {
        Self(Box::new(StreamErrorKind::Gap))
    }

    pub(crate) fn lagged(items: u64) -> Self {
        Self(Box::new(StreamErrorKind::Lagged(items)))
    }

    pub(crate) fn decode(failure: Failure) -> Self {
        Self(Box::new(StreamErrorKind::Decode(failure)))
    }

    pub(crate) fn end(error: Error<E>) -> Self {
        Self(Box::new(StreamErrorKind::End(error)))
    }

    pub(crate) fn cut(failure: Failure) -> Self {
        Self(Box::new(StreamErrorKind::Cut(failure)))
    }

    /// Returns whether items are lost before the next one: the server no longer has those after the cursor, or the
    /// stream was [opened again](crate::StreamCall::resubscribe) without a cursor. The stream goes on.
    pub fn is_gap(&self) -> bool {
        matches!(*self.0, StreamErrorKind::Gap)
    }

    /// Returns whether the server has dropped items before the next one, because this client did not read them in
    /// time. The stream goes on.
    pub fn is_lagged(&self) -> bool {
        matches!(*self.0, StreamErrorKind::Lagged(_))
    }

    /// Returns how many items the server has dropped, if it did so because this client did not read them in time.
    pub fn lagged_items(&self) -> Option<u64> {
        match *self.0 {
            StreamErrorKind::Lagged(items) => Some(items),
            _ => None,
        }
    }

    /// Returns whether an item is not of the expected type. The stream goes on behind it.
    pub fn is_decode(&self) -> bool {
        matches!(*self.0, StreamErrorKind::Decode(_))
    }

    /// Returns whether the server has ended the stream by an error, or has refused to resume it. [`error`](Self::error)
    /// is that error.
    pub fn is_end(&self) -> bool {
        matches!(*self.0, StreamErrorKind::End(_))
    }

    /// Returns whether the stream was cut for good: its connection broke or fell silent, and the client cannot resume
    /// the stream or has given up. [`failure`](Self::failure) is the last failure.
    pub fn is_cut(&self) -> bool {
        matches!(*self.0, StreamErrorKind::Cut(_))
    }

    /// Returns the error by which the server has ended the stream, if it did.
    pub fn error(&self) -> Option<&Error<E>> {
        match &*self.0 {
            StreamErrorKind::End(error) => Some(error),
            _ => None,
        }
    }

    /// Returns the error that the method declares, if it ended the stream.
    pub fn method(&self) -> Option<&E> {
        self.error().and_then(Error::method)
    }

    /// Returns the JSON-RPC error that ended the stream, unless it was decoded into the declared error.
    pub fn error_object(&self) -> Option<ErrorObject> {
        self.error().and_then(Error::error_object)
    }

    /// Returns the failure of a stream that was cut, of an item that cannot be decoded, or of an end that has one.
    pub fn failure(&self) -> Option<&Failure> {
        match &*self.0 {
            StreamErrorKind::Cut(failure) | StreamErrorKind::Decode(failure) => Some(failure),
            StreamErrorKind::End(error) => error.failure(),
            StreamErrorKind::Gap | StreamErrorKind::Lagged(_) => None,
        }
    }
}

impl<E: fmt::Display> fmt::Display for StreamError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &*self.0 {
            StreamErrorKind::Gap => f.write_str("items of the stream are lost before the next one"),
            StreamErrorKind::Lagged(1) => f.write_str("the server has dropped 1 item that was not read in time"),
            StreamErrorKind::Lagged(items) => {
                write!(f, "the server has dropped {items} items that were not read in time")
            }
            StreamErrorKind::Decode(_) => f.write_str("an item of the stream is not of the expected type"),
            StreamErrorKind::End(_) => f.write_str("the server has ended the stream by an error"),
            StreamErrorKind::Cut(_) => f.write_str("the stream was cut"),
        }
    }
}

impl<E: StdError + 'static> StdError for StreamError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &*self.0 {
            StreamErrorKind::Gap | StreamErrorKind::Lagged(_) => None,
            // The failure itself says nothing more than the text above.
            StreamErrorKind::Decode(failure) => failure.source(),
            StreamErrorKind::End(error) => Some(error),
            StreamErrorKind::Cut(failure) => Some(failure),
        }
    }
}
