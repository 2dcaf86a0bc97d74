//! Matches the answers in a response body with the calls of its request. Nothing is taken on trust: an answer belongs
//! to a call only if it has the call's id. Duplicate, missing and unknown answers become failures.

use std::collections::HashMap;

use bytes::Bytes;
use rpc_core::codec::{ForeignError, NoAnswer, Reply, ReplyOutcome, each_reply, parse_reply};
use rpc_core::{ErrorObject, IdRef};

use crate::call_id::CallId;
use crate::error::{Answer, Answered};
use crate::failure::{Failure, Kind};
use crate::settings::ClientSettings;

/// Which versions the answer to a call may name.
#[derive(Clone, Copy)]
pub(crate) enum VersionCheck {
    /// `"2.0"` alone.
    Strict,
    /// Also none, `null` and `"1.0"`.
    Lenient,
}

impl VersionCheck {
    pub(crate) fn of(settings: &ClientSettings) -> Self {
        if settings.strict_version { Self::Strict } else { Self::Lenient }
    }

    /// Returns what an answer says that has the id of a call.
    fn outcome(self, reply: Reply<'_>) -> ReplyOutcome<'_> {
        match self {
            Self::Strict => reply.outcome,
            Self::Lenient => reply.lenient_outcome(),
        }
    }
}

/// Reads the answer of a call that was sent alone, or of a notification.
pub(crate) fn single(body: &Bytes, id: Option<&CallId>, check: VersionCheck) -> Answered {
    let Some(id) = id else { return notification(body) };
    let reply = parse_reply(text(body)?).map_err(|error| not_json(error, body))?;
    let reply_id = reply.id;
    let own = reply_id.is_some_and(|found| id.is_echoed(found) || CallId::of_reply(found).as_ref() == Some(id));
    match if own { check.outcome(reply) } else { reply.outcome } {
        Err(NoAnswer::Malformed(why)) => Err(protocol(why, body)),
        // A server that cannot make out the id says so with null.
        Ok(Err(error)) if is_null(reply_id) => Ok(Answer::OfRequest(error)),
        Err(NoAnswer::ForeignError(error)) if is_null(reply_id) => Err(foreign(error)),
        _ if !own => Err(protocol("it has another call's id", body)),
        Ok(Ok(result)) => Ok(Answer::Result(body.slice_ref(result.as_bytes()))),
        Ok(Err(error)) => Ok(Answer::Error(error)),
        Err(NoAnswer::ForeignError(error)) => Err(foreign(error)),
    }
}

fn is_null(id: Option<IdRef<'_>>) -> bool {
    id.is_none_or(IdRef::is_null)
}

/// Servers answer notifications with nothing. If the request as a whole is at fault, they may say so with an error.
fn notification(body: &Bytes) -> Answered {
    let reply = text(body).ok().and_then(|text| parse_reply(text).ok());
    match reply.map(|reply| reply.outcome) {
        Some(Ok(Err(error))) => Ok(Answer::OfRequest(error)),
        Some(Err(NoAnswer::ForeignError(error))) => Err(foreign(error)),
        _ => Ok(Answer::Result(Bytes::new())),
    }
}

/// What a server says of a batch: an answer for each call, or one error about all of it.
pub(crate) type Replies = Result<Vec<Answered>, ErrorObject>;

/// Reads the answers that the body of an HTTP error has to the calls with these ids. A call without one has `None`.
pub(crate) fn own(body: &Bytes, ids: &[&CallId], check: VersionCheck) -> Vec<Option<Answered>> {
    let own = |answered: Answered| match answered {
        Ok(Answer::Result(_) | Answer::Error(_)) => Some(answered),
        Err(ref failure) if failure.is_foreign_error() => Some(answered),
        Ok(Answer::OfRequest(_)) | Err(_) => None,
    };
    match batch(body, ids, check) {
        Ok(Ok(answers)) => answers.into_iter().map(own).collect(),
        _ => ids.iter().map(|_| None).collect(),
    }
}

/// Reads the answers of a batch whose calls have these ids.
///
/// Fails as a whole where nothing in it can be trusted.
pub(crate) fn batch(body: &Bytes, ids: &[&CallId], check: VersionCheck) -> Result<Replies, Failure> {
    let not_json = |error| not_json(error, body);
    let text = text(body)?;
    if !text.trim_ascii_start().starts_with('{') {
        let mut assigned = Assigned::new(body, ids, check);
        each_reply(text, |reply| assigned.take(reply)).map_err(not_json)?;
        return Ok(Ok(assigned.finish()));
    }
    // The specification has a lone error for a batch that is at fault as a whole. With the id of a call it is that
    // call's answer, and the others' are missing.
    let reply = parse_reply(text).map_err(not_json)?;
    match reply.outcome {
        Ok(Err(error)) if is_null(reply.id) => Ok(Err(error)),
        Err(NoAnswer::ForeignError(error)) if is_null(reply.id) => Err(foreign(error)),
        _ => {
            let mut assigned = Assigned::new(body, ids, check);
            assigned.take(reply);
            Ok(Ok(assigned.finish()))
        }
    }
}

/// The answers of a batch, each with its call. It holds no more of them than there are calls, however many have come.
struct Assigned<'a> {
    body: &'a Bytes,
    check: VersionCheck,
    answers: Vec<Option<Answered>>,
    places: Places<'a>,
    strays: Strays<'a>,
}

impl<'a> Assigned<'a> {
    fn new(body: &'a Bytes, ids: &'a [&'a CallId], check: VersionCheck) -> Self {
        let answers = ids.iter().map(|_| None).collect();
        Self { body, check, answers, places: Places::new(ids), strays: Strays::default() }
    }

    fn take(&mut self, reply: Reply<'a>) {
        let Some(index) = reply.id.and_then(|id| self.places.find(id)) else {
            self.strays.add(reply);
            return;
        };
        let slot = &mut self.answers[index];
        let json = reply.json.as_bytes();
        *slot = Some(match (&slot, self.check.outcome(reply)) {
            // Which of the two is right nobody knows.
            (Some(_), _) => Err(protocol("the call was answered twice", json)),
            (None, Ok(Ok(result))) => Ok(Answer::Result(self.body.slice_ref(result.as_bytes()))),
            (None, Ok(Err(error))) => Ok(Answer::Error(error)),
            (None, Err(no_answer)) => Err(failure_of(no_answer, json)),
        });
    }

    fn finish(self) -> Vec<Answered> {
        let Self { answers, strays, body, .. } = self;
        answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(strays.missing(body)))).collect()
    }
}

/// Finds the place of a call by its id.
struct Places<'a> {
    ids: &'a [&'a CallId],
    /// Where the next answer most likely belongs, since servers mostly answer in order.
    next: usize,
    by_id: Option<HashMap<&'a CallId, usize>>,
}

impl<'a> Places<'a> {
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

/// Remembers answers that belong to none of the calls. They may well be those that some of the calls miss.
#[derive(Default)]
struct Strays<'a> {
    /// The JSON text of the first one.
    first: Option<&'a str>,
    error: Option<ErrorObject>,
}

impl<'a> Strays<'a> {
    fn add(&mut self, reply: Reply<'a>) {
        self.first.get_or_insert(reply.json);
        if let Ok(Err(error)) = reply.outcome {
            self.error.get_or_insert(error);
        }
    }

    /// Makes the failure of a call without an answer in this body.
    #[cold]
    fn missing(&self, body: &[u8]) -> Failure {
        let kind = Kind::Protocol(if self.first.is_some() {
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
fn failure_of(no_answer: NoAnswer, json: &[u8]) -> Failure {
    match no_answer {
        NoAnswer::ForeignError(error) => foreign(error),
        NoAnswer::Malformed(why) => protocol(why, json),
    }
}

fn text(body: &Bytes) -> Result<&str, Failure> {
    match std::str::from_utf8(body) {
        Ok("") => Err(protocol("it is empty", body)),
        Ok(text) => Ok(text),
        Err(error) => Err(Failure::with_source(Kind::Protocol("it is not UTF-8"), error).with_body(body)),
    }
}

fn not_json(error: String, body: &[u8]) -> Failure {
    Failure::with_source(Kind::Protocol("it is not JSON"), error).with_body(body)
}

#[cold]
fn protocol(why: &'static str, body: &[u8]) -> Failure {
    Failure::new(Kind::Protocol(why)).with_body(body)
}

fn foreign(error: ForeignError) -> Failure {
    Failure::new(Kind::ForeignError(error))
}

#[cfg(test)]
mod tests;
