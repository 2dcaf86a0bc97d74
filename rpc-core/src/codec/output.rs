use std::sync::Arc;

use serde::Serialize;

use crate::chain::{SerializeError, SharedError};
use crate::json::JsonText;
use crate::{ErrorCode, ErrorObject, IdRef, finite};

/// An output for answers, with a limit in bytes.
#[derive(Debug)]
pub struct Output {
    text: JsonText,
    /// The error behind the last answer. The answer itself does not show it.
    source: Option<SharedError>,
}

impl Output {
    /// Makes an empty output that takes up to `limit` bytes of results.
    #[inline]
    pub fn new(limit: usize) -> Self {
        // Room for a short answer avoids copies while it grows.
        Self { text: JsonText::new(Vec::with_capacity(limit.min(256)), limit), source: None }
    }

    /// Makes an empty output without allocating, for an answer that may come late.
    pub fn lazy(limit: usize) -> Self {
        Self { text: JsonText::new(Vec::new(), limit), source: None }
    }

    /// Returns whether there is an error behind the last answer that the answer does not show. Few answers have one.
    #[inline]
    pub fn has_source(&self) -> bool {
        self.source.is_some()
    }

    /// Takes the error behind the last answer, for the log.
    pub fn take_source(&mut self) -> Option<SharedError> {
        self.source.take()
    }

    /// Returns the number of bytes.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Returns whether there are no bytes.
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }

    /// Drops the bytes after this length, for example those of an answer that failed half-way.
    pub fn truncate(&mut self, len: usize) {
        self.text.truncate(len);
    }

    /// Frees unused memory, for example after a dropped answer.
    pub fn shrink(&mut self) {
        self.text.shrink();
    }

    /// Appends bytes without checking the limit.
    #[inline]
    pub fn push(&mut self, bytes: &[u8]) {
        self.text.push_beyond(bytes);
    }

    /// Returns the bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    /// Returns the bytes by value.
    #[inline]
    pub fn into_bytes(self) -> Vec<u8> {
        self.text.into_bytes()
    }
}

/// The beginning of each answer, before its member `result` or `error`.
const OPENING: &[u8] = br#"{"jsonrpc":"2.0","#;

/// The text between that member and the id.
const CLOSING: &[u8] = br#","id":"#;

/// A writer of the answer to one call. It writes nothing for a notification.
///
/// Each method writes a whole answer, [section 5](https://www.jsonrpc.org/specification#response_object). If the answer
/// is an error, it returns the error's code.
#[derive(Debug)]
pub struct Responder<'a> {
    output: &'a mut Output,
    id: Option<IdRef<'a>>,
}

impl<'a> Responder<'a> {
    /// Makes a responder for a call with this id, or for a notification.
    pub fn new(output: &'a mut Output, id: Option<IdRef<'a>>) -> Self {
        Self { output, id }
    }

    /// Answers with a result.
    ///
    /// If the result cannot be written as JSON, the answer is an internal error, and the reason is
    /// [noted](Output::take_source). If the result is over the limit, the answer is [`ErrorCode::RESPONSE_TOO_LARGE`].
    ///
    /// # Errors
    ///
    /// Returns the code of the error that was written instead of the result.
    pub fn result<T: Serialize + ?Sized>(&mut self, result: &T) -> Result<(), ErrorCode> {
        let Some(id) = self.id else { return Ok(()) };
        let start = self.output.len();
        self.output.push(br#"{"jsonrpc":"2.0","result":"#);
        let written = finite::to_text(&mut self.output.text, result);
        let written = written.map_err(|error| self.note_unwritable(error));
        self.finish(start, id, written.is_ok())
    }

    /// Answers with an error.
    ///
    /// # Errors
    ///
    /// Always returns the code of the error that was written.
    pub fn error(&mut self, error: &ErrorObject) -> Result<(), ErrorCode> {
        if let Some(source) = error.shared_source() {
            self.note(SharedError::clone(source));
        }
        let Some(id) = self.id else { return Err(error.code()) };
        let start = self.output.len();
        self.output.push(br#"{"jsonrpc":"2.0","error":"#);
        let written = error.serialize(&mut self.output.text).is_ok();
        self.finish(start, id, written).and(Err(error.code()))
    }

    /// Notes the error behind the answer. The answer itself does not show it.
    #[cold]
    pub fn note(&mut self, source: SharedError) {
        self.output.source = Some(source);
    }

    /// Answers with a whole answer from another output, or with nothing for a notification.
    ///
    /// If it is over the limit, the answer is [`ErrorCode::RESPONSE_TOO_LARGE`].
    ///
    /// # Errors
    ///
    /// Returns the code of the error that was written instead of the answer.
    pub fn written(&mut self, answer: &[u8]) -> Result<(), ErrorCode> {
        let start = self.output.len();
        match self.id {
            Some(id) if self.output.text.push(answer).is_err() => self.give_up(start, id),
            _ => Ok(()),
        }
    }

    /// Answers with the outcome of an earlier answer to the same call, as returned by
    /// [`outcome_since`](Self::outcome_since). `code` is the code of its error, if it was one.
    ///
    /// # Errors
    ///
    /// Returns the code of the error that was written.
    pub fn replay(&mut self, outcome: &[u8], code: Option<ErrorCode>) -> Result<(), ErrorCode> {
        let Some(id) = self.id else { return code.map_or(Ok(()), Err) };
        let start = self.output.len();
        self.output.push(OPENING);
        let written = self.output.text.push(outcome).is_ok();
        self.finish(start, id, written).and(code.map_or(Ok(()), Err))
    }

    #[cold]
    fn note_unwritable(&mut self, error: serde_json::Error) {
        // An answer over the limit already tells its caller why.
        if !self.output.text.is_over() {
            self.note(Arc::new(SerializeError { what: "result", error }));
        }
    }

    /// Returns the current length of the output, for [`outcome_since`](Self::outcome_since).
    pub fn position(&self) -> usize {
        self.output.len()
    }

    /// Returns the outcome in the answer that begins at this position: its member `result` or `error`. It can be given
    /// again under another id.
    pub fn outcome_since(&self, start: usize) -> &[u8] {
        let answer = self.output.as_bytes().get(start..).unwrap_or_default();
        self.id.map_or(&[], |id| outcome_of(answer, id))
    }

    /// Removes the answer that begins at this position, so that another one can be written.
    pub fn retract(&mut self, start: usize) {
        self.output.truncate(start);
    }

    fn finish(&mut self, start: usize, id: IdRef<'_>, written: bool) -> Result<(), ErrorCode> {
        let closed =
            written && [CLOSING, id.as_json().as_bytes(), b"}"].iter().all(|part| self.output.text.push(part).is_ok());
        if closed { Ok(()) } else { self.give_up(start, id) }
    }

    /// Writes an error instead of an answer that could not be written.
    #[cold]
    fn give_up(&mut self, start: usize, id: IdRef<'_>) -> Result<(), ErrorCode> {
        let error =
            if self.output.text.is_over() { ErrorCode::RESPONSE_TOO_LARGE.into() } else { ErrorObject::internal() };
        self.output.truncate(start);
        self.replace(id, &error);
        Err(error.code())
    }

    /// Writes one of the framework's own errors. It is short and must arrive whatever the limit.
    fn replace(&mut self, id: IdRef<'_>, error: &ErrorObject) {
        let text = format!(
            r#"{{"jsonrpc":"2.0","error":{{"code":{},"message":"{}"}},"id":{}}}"#,
            error.code(),
            error.message(),
            id.as_json()
        );
        self.output.push(text.as_bytes());
    }
}

/// Returns the outcome in an answer to the call with this id: its member `result` or `error`.
pub fn outcome_of<'o>(answer: &'o [u8], id: IdRef<'_>) -> &'o [u8] {
    let end = answer.len().saturating_sub(CLOSING.len() + id.as_json().len() + 1);
    answer.get(OPENING.len()..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{Output, Responder};
    use crate::{ErrorCode, ErrorObject, IdRef};

    fn answer(limit: usize, run: impl FnOnce(&mut Responder<'_>) -> Result<(), ErrorCode>) -> (String, Option<i64>) {
        let mut output = Output::new(limit);
        let id = IdRef::from_json("7");
        let code = run(&mut Responder::new(&mut output, id)).err().map(ErrorCode::get);
        (String::from_utf8(output.into_bytes()).unwrap(), code)
    }

    #[test]
    fn results_and_errors_are_whole_answers() {
        let (text, code) = answer(100, |responder| responder.result(&[1, 2]));
        assert_eq!((text.as_str(), code), (r#"{"jsonrpc":"2.0","result":[1,2],"id":7}"#, None));
        let (text, code) = answer(100, |responder| responder.error(&ErrorObject::new(5, "five")));
        assert_eq!((text.as_str(), code), (r#"{"jsonrpc":"2.0","error":{"code":5,"message":"five"},"id":7}"#, Some(5)));
    }

    #[test]
    fn an_unwritable_result_is_an_internal_error() {
        let mut output = Output::new(100);
        let mut responder = Responder::new(&mut output, IdRef::from_json("7"));
        assert_eq!(responder.result(&BTreeMap::from([((1, 2), 3)])), Err(ErrorCode::INTERNAL_ERROR));
        let expected = br#"{"jsonrpc":"2.0","error":{"code":-32603,"message":"Internal error"},"id":7}"#;
        assert_eq!(output.as_bytes(), expected);
        let reason = crate::chain_text(&*output.take_source().unwrap());
        assert_eq!(reason, "result cannot be written as JSON: key must be a string");
        assert!(output.take_source().is_none());
    }

    #[test]
    fn the_limit_is_met_by_whole_answers_only() {
        let whole = r#"{"jsonrpc":"2.0","result":"abc","id":7}"#;
        assert_eq!(answer(whole.len(), |responder| responder.result("abc")), (whole.to_owned(), None));
        let (text, code) = answer(whole.len() - 1, |responder| responder.result("abc"));
        assert_eq!(text, r#"{"jsonrpc":"2.0","error":{"code":-32091,"message":"Response too large"},"id":7}"#);
        assert_eq!(code, Some(-32091));
        let (_, code) = answer(40, |responder| responder.error(&ErrorObject::new(5, "five ".repeat(9))));
        assert_eq!(code, Some(-32091));
    }

    #[test]
    fn an_answer_from_elsewhere_is_met_by_the_limit_too() {
        let whole = br#"{"jsonrpc":"2.0","result":"abc","id":7}"#;
        assert_eq!(answer(whole.len(), |responder| responder.written(whole)).1, None);
        let (text, code) = answer(whole.len() - 1, |responder| responder.written(whole));
        assert_eq!(text, r#"{"jsonrpc":"2.0","error":{"code":-32091,"message":"Response too large"},"id":7}"#);
        assert_eq!(code, Some(-32091));
    }

    #[test]
    fn an_outcome_is_given_once_more_under_another_id() {
        let mut output = Output::new(200);
        output.push(b"before");
        let mut responder = Responder::new(&mut output, IdRef::from_json(r#""seven""#));
        let start = responder.position();
        assert_eq!(responder.error(&ErrorObject::new(5, "five")), Err(5.into()));
        let outcome = responder.outcome_since(start).to_vec();
        assert_eq!(outcome, br#""error":{"code":5,"message":"five"}"#);
        let (text, code) = answer(200, |responder| responder.replay(&outcome, Some(5.into())));
        assert_eq!((text.as_str(), code), (r#"{"jsonrpc":"2.0","error":{"code":5,"message":"five"},"id":7}"#, Some(5)));
    }

    #[test]
    fn notifications_are_not_answered() {
        let mut output = Output::new(100);
        assert_eq!(Responder::new(&mut output, None).result(&1), Ok(()));
        assert_eq!(Responder::new(&mut output, None).error(&ErrorObject::internal()), Err(ErrorCode::INTERNAL_ERROR));
        assert!(output.is_empty());
    }
}
