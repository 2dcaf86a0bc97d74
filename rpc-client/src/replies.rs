//! Matches the answers in a response body with the calls of its request. Nothing is trusted: an answer belongs to a
//! call only if it has the call's id. Duplicate, missing and unknown answers become failures.

use std::collections::HashMap;

use bytes::Bytes;
use rpc_core::codec::{ForeignError, InvalidResponse, Reply, ReplyOutcome, each_reply, parse_reply};
use rpc_core::{ErrorObject, IdRef};

use crate::call_id::CallId;
use crate::error::{Answer, AnswerResult};
use crate::failure::{Failure, FailureKind};

/// Which values of `jsonrpc` the answer to a call may have.
#[derive(Clone, Copy)]
pub(crate) enum VersionCheck {
    /// Only `"2.0"`.
    Strict,
    /// Also absent, `null` and `"1.0"`.
    Lenient,
}

impl VersionCheck {
    /// Returns the check for the setting `strict_version`.
    pub(crate) fn of(strict_version: bool) -> Self {
        if strict_version { Self::Strict } else { Self::Lenient }
    }

    /// Returns the content of an answer with the id of a call.
    pub(crate) fn outcome(self, reply: Reply<'_>) -> ReplyOutcome<'_> {
        match self {
            Self::Strict => reply.outcome,
            Self::Lenient => reply.lenient_outcome(),
        }
    }
}

/// Reads the answer to a call that was sent alone, or to a notification.
pub(crate) fn single(body: &Bytes, id: Option<&CallId>, check: VersionCheck) -> AnswerResult {
    let Some(id) = id else { return notification(body) };
    let reply = parse_reply(text(body)?).map_err(|error| not_json(error, body))?;
    let reply_id = reply.id;
    let own = reply_id.is_some_and(|found| id.is_in(found));
    match if own { check.outcome(reply) } else { reply.outcome } {
        Err(InvalidResponse::Malformed(why)) => Err(protocol(why, body)),
        // A server that cannot read the id answers with null.
        Ok(Err(error)) if is_null(reply_id) => Ok(Answer::OfRequest(error)),
        Err(InvalidResponse::ForeignError(error)) if is_null(reply_id) => Err(foreign(error)),
        _ if !own => Err(protocol("it has another call's id", body)),
        Ok(Ok(result)) => Ok(Answer::Result(body.slice_ref(result.as_bytes()))),
        Ok(Err(error)) => Ok(Answer::Error(error)),
        Err(InvalidResponse::ForeignError(error)) => Err(foreign(error)),
    }
}

fn is_null(id: Option<IdRef<'_>>) -> bool {
    id.is_none_or(IdRef::is_null)
}

/// Servers answer notifications with nothing. If the request as a whole is invalid, they may answer with an error.
fn notification(body: &Bytes) -> AnswerResult {
    let reply = text(body).ok().and_then(|text| parse_reply(text).ok());
    match reply.map(|reply| reply.outcome) {
        Some(Ok(Err(error))) => Ok(Answer::OfRequest(error)),
        Some(Err(InvalidResponse::ForeignError(error))) => Err(foreign(error)),
        _ => Ok(Answer::Result(Bytes::new())),
    }
}

/// The answer to a batch: an answer for each call, or one error about the whole batch.
pub(crate) type Replies = Result<Vec<AnswerResult>, ErrorObject>;

/// Reads the answers to the calls with these ids from the body of an HTTP error. A call without an answer gets `None`.
pub(crate) fn own(body: &Bytes, ids: &[&CallId], check: VersionCheck) -> Vec<Option<AnswerResult>> {
    let own = |answered: AnswerResult| match answered {
        Ok(Answer::Result(_) | Answer::Error(_)) => Some(answered),
        Err(ref failure) if failure.is_foreign_error() => Some(answered),
        Ok(Answer::OfRequest(_)) | Err(_) => None,
    };
    match batch(body, ids, check) {
        Ok(Ok(answers)) => answers.into_iter().map(own).collect(),
        _ => ids.iter().map(|_| None).collect(),
    }
}

/// Reads the answers to a batch whose calls have these ids.
///
/// # Errors
///
/// The body is not UTF-8 or not JSON, or holds only a foreign error about the whole batch.
pub(crate) fn batch(body: &Bytes, ids: &[&CallId], check: VersionCheck) -> Result<Replies, Failure> {
    let not_json = |error| not_json(error, body);
    let text = text(body)?;
    if !text.trim_ascii_start().starts_with('{') {
        let mut assigned = AssignedAnswers::new(body, ids, check);
        each_reply(text, |reply| assigned.take(reply)).map_err(not_json)?;
        return Ok(Ok(assigned.finish()));
    }
    // The specification uses a single error for an invalid batch. With the id of a call it is the answer to that call,
    // and the answers to the others are missing.
    let reply = parse_reply(text).map_err(not_json)?;
    match reply.outcome {
        Ok(Err(error)) if is_null(reply.id) => Ok(Err(error)),
        Err(InvalidResponse::ForeignError(error)) if is_null(reply.id) => Err(foreign(error)),
        _ => {
            let mut assigned = AssignedAnswers::new(body, ids, check);
            assigned.take(reply);
            Ok(Ok(assigned.finish()))
        }
    }
}

/// The answers of a batch, each assigned to its call. It holds at most as many answers as there are calls, however many
/// arrive.
struct AssignedAnswers<'a> {
    body: &'a Bytes,
    check: VersionCheck,
    answers: Vec<Option<AnswerResult>>,
    places: CallIndex<'a>,
    unmatched: UnmatchedAnswers<'a>,
}

impl<'a> AssignedAnswers<'a> {
    fn new(body: &'a Bytes, ids: &'a [&'a CallId], check: VersionCheck) -> Self {
        let answers = ids.iter().map(|_| None).collect();
        Self { body, check, answers, places: CallIndex::new(ids), unmatched: UnmatchedAnswers::default() }
    }

    fn take(&mut self, reply: Reply<'a>) {
        let Some(index) = reply.id.and_then(|id| self.places.find(id)) else {
            self.unmatched.add(reply);
            return;
        };
        let slot = &mut self.answers[index];
        let json = reply.json.as_bytes();
        *slot = Some(match (&slot, self.check.outcome(reply)) {
            // It is unknown which of the two is right.
            (Some(_), _) => Err(protocol("the call was answered twice", json)),
            (None, Ok(Ok(result))) => Ok(Answer::Result(self.body.slice_ref(result.as_bytes()))),
            (None, Ok(Err(error))) => Ok(Answer::Error(error)),
            (None, Err(no_answer)) => Err(failure_of(no_answer, json)),
        });
    }

    fn finish(self) -> Vec<AnswerResult> {
        let Self { answers, unmatched, body, .. } = self;
        answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(unmatched.missing(body)))).collect()
    }
}

/// Finds the position of a call by its id.
struct CallIndex<'a> {
    ids: &'a [&'a CallId],
    /// The likely position of the next answer, since servers mostly answer in order.
    next: usize,
    by_id: Option<HashMap<&'a CallId, usize>>,
}

impl<'a> CallIndex<'a> {
    fn new(ids: &'a [&'a CallId]) -> Self {
        Self { ids, next: 0, by_id: None }
    }

    fn find(&mut self, id: IdRef<'_>) -> Option<usize> {
        let index = if self.ids.get(self.next).is_some_and(|next| next.is_echoed(id)) {
            self.next
        } else {
            let ids = self.ids;
            let by_id = self.by_id.get_or_insert_with(|| ids.iter().copied().zip(0..).collect());
            *by_id.get(&CallId::of_reply(id)?)?
        };
        self.next = index + 1;
        Some(index)
    }
}

/// Remembers answers that belong to no call. They may be the missing answers of some calls.
#[derive(Default)]
struct UnmatchedAnswers<'a> {
    /// The JSON text of the first one.
    first: Option<&'a str>,
    error: Option<ErrorObject>,
}

impl<'a> UnmatchedAnswers<'a> {
    fn add(&mut self, reply: Reply<'a>) {
        self.first.get_or_insert(reply.json);
        if let Ok(Err(error)) = reply.outcome {
            self.error.get_or_insert(error);
        }
    }

    /// Makes the failure of a call without an answer in this body.
    #[cold]
    fn missing(&self, body: &[u8]) -> Failure {
        let kind = FailureKind::Protocol(if self.first.is_some() {
            "the call's answer is missing, and there is one that belongs to no call"
        } else {
            "the call's answer is missing"
        });
        let failure = match &self.error {
            Some(error) => Failure::with_source(kind, error.clone()),
            None => Failure::new(kind),
        };
        failure.with_body(self.first.map_or(body, str::as_bytes))
    }
}

#[cold]
fn failure_of(no_answer: InvalidResponse, json: &[u8]) -> Failure {
    match no_answer {
        InvalidResponse::ForeignError(error) => foreign(error),
        InvalidResponse::Malformed(why) => protocol(why, json),
    }
}

fn text(body: &Bytes) -> Result<&str, Failure> {
    match std::str::from_utf8(body) {
        Ok("") => Err(protocol("it is empty", body)),
        Ok(text) => Ok(text),
        Err(error) => Err(Failure::with_source(FailureKind::Protocol("it is not UTF-8"), error).with_body(body)),
    }
}

fn not_json(error: String, body: &[u8]) -> Failure {
    Failure::with_source(FailureKind::Protocol("it is not JSON"), error).with_body(body)
}

#[cold]
fn protocol(why: &'static str, body: &[u8]) -> Failure {
    Failure::new(FailureKind::Protocol(why)).with_body(body)
}

fn foreign(error: ForeignError) -> Failure {
    Failure::new(FailureKind::ForeignError(error))
}

#[cfg(test)]
mod tests;
