//! [`EntryAnswer`]: the answer to one entry of a request, as layers see it.

use std::fmt;

use rpc_core::{ErrorKind, ErrorObject, Outcome, RpcError};
use serde::Serialize;

use crate::error::{Answer, AnswerResult};
use crate::failure::{Failure, FailureKind};

/// The answer to one entry of a [`Request`](super::Request): a result, an error that the server answered with, or a
/// failure.
#[derive(Clone)]
pub struct EntryAnswer(AnswerResult);

impl EntryAnswer {
    /// Answers with a result. A result that cannot be encoded as JSON becomes a failure with [`Failure::is_encode`].
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::client_middleware::EntryAnswer;
    ///
    /// let answer = EntryAnswer::result(&["ada", "bob"]);
    /// assert_eq!(answer.result_json(), Some(r#"["ada","bob"]"#));
    /// ```
    pub fn result<T: Serialize + ?Sized>(result: &T) -> Self {
        let text = serde_json::to_vec(result).map_err(|error| Failure::with_source(FailureKind::Encode, error));
        Self(text.map(|text| Answer::Result(text.into())))
    }

    /// Answers with an error: an [`ErrorObject`], or one that a method declares.
    #[expect(clippy::needless_pass_by_value, reason = "an error that is returned is not needed any longer")]
    pub fn error(error: impl RpcError) -> Self {
        Self(Ok(Answer::Error(error.to_error_object())))
    }

    /// Returns the JSON text of the result, if it is a result. For a notification that was accepted, the text is empty.
    pub fn result_json(&self) -> Option<&str> {
        match &self.0 {
            Ok(Answer::Result(result)) => std::str::from_utf8(result).ok(),
            _ => None,
        }
    }

    /// Returns the error that the server answered with or sent with a failure, if there is one.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::client_middleware::EntryAnswer;
    /// use rpc::{ErrorCode, ErrorObject, Failure};
    ///
    /// let answer = EntryAnswer::error(ErrorObject::new(1001, "sold out"));
    /// assert_eq!(answer.error_object(), Some(ErrorObject::new(1001, "sold out")));
    /// let refused = EntryAnswer::from(Failure::overloaded());
    /// assert_eq!(refused.error_object().map(|object| object.code()), Some(ErrorCode::OVERLOADED));
    /// assert_eq!(EntryAnswer::from(Failure::timed_out()).error_object(), None);
    /// ```
    pub fn error_object(&self) -> Option<ErrorObject> {
        match &self.0 {
            Ok(Answer::Result(_)) => None,
            Ok(Answer::Error(error) | Answer::OfRequest(error)) => Some(error.clone()),
            Err(failure) => failure.error_object(),
        }
    }

    /// Returns the failure, if it is one.
    pub fn failure(&self) -> Option<&Failure> {
        self.0.as_ref().err()
    }

    /// Returns whether it is a result.
    pub fn is_result(&self) -> bool {
        matches!(self.0, Ok(Answer::Result(_)))
    }

    /// Returns whether the call has run.
    pub fn outcome(&self) -> Outcome {
        self.failure().map_or(Outcome::Executed, Failure::outcome)
    }

    /// Returns the category of the error, or `None` for a result.
    pub fn error_kind(&self) -> Option<ErrorKind> {
        match &self.0 {
            Ok(Answer::Result(_)) => None,
            Ok(Answer::Error(error) | Answer::OfRequest(error)) => Some(ErrorKind::of_error(error)),
            Err(failure) => Some(failure.kind()),
        }
    }

    pub(super) fn of(answered: AnswerResult) -> Self {
        Self(answered)
    }

    pub(super) fn into_answered(self) -> AnswerResult {
        self.0
    }
}

impl From<Failure> for EntryAnswer {
    fn from(failure: Failure) -> Self {
        Self(Err(failure))
    }
}

/// Shows no results, since they may hold secrets.
impl fmt::Debug for EntryAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EntryAnswer").field("error_kind", &self.error_kind()).finish_non_exhaustive()
    }
}
