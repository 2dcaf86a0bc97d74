//! Finds out what a server's answer says about each call. Nothing is taken on trust: an answer belongs to a call only
//! if it has the call's id.

use std::collections::HashMap;

use bytes::Bytes;
use rpc_core::codec::{Reply, ReplyOutcome, each_reply, parse_reply};
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
    let reply = parse_reply(text(body)?).map_err(not_json)?;
    let reply_id = reply.id;
    let own = reply_id.is_some_and(|found| id.is_echoed(found) || CallId::of_reply(found).as_ref() == Some(id));
    let outcome = if own { check.outcome(reply) } else { reply.outcome };
    match outcome.map_err(protocol)? {
        // A server that cannot make out the id says so with null.
        Err(error) if is_null(reply_id) => Ok(Answer::OfRequest(error)),
        _ if !own => Err(protocol("it has another call's id")),
        Ok(result) => Ok(Answer::Result(body.slice_ref(result.as_bytes()))),
        Err(error) => Ok(Answer::Error(error)),
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
        _ => Ok(Answer::Result(Bytes::new())),
    }
}

/// What a server says of a batch: an answer for each call, or one error about all of it.
pub(crate) type Replies = Result<Vec<Answered>, ErrorObject>;

/// Reads the answers of a batch whose calls have these ids.
///
/// Fails as a whole where nothing in it can be trusted.
pub(crate) fn batch(body: &Bytes, ids: &[&CallId], check: VersionCheck) -> Result<Replies, Failure> {
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
    strays: Strays,
}

impl<'a> Assigned<'a> {
    fn new(body: &'a Bytes, ids: &'a [&'a CallId], check: VersionCheck) -> Self {
        let answers = ids.iter().map(|_| None).collect();
        Self { body, check, answers, places: Places::new(ids), strays: Strays::default() }
    }

    fn take(&mut self, reply: Reply<'_>) {
        let Some(index) = reply.id.and_then(|id| self.places.find(id)) else {
            self.strays.add(reply);
            return;
        };
        let slot = &mut self.answers[index];
        *slot = Some(match (&slot, self.check.outcome(reply)) {
            // Which of the two is right nobody knows.
            (Some(_), _) => Err(protocol("the call was answered twice")),
            (None, Ok(Ok(result))) => Ok(Answer::Result(self.body.slice_ref(result.as_bytes()))),
            (None, Ok(Err(error))) => Ok(Answer::Error(error)),
            (None, Err(why)) => Err(protocol(why)),
        });
    }

    fn finish(self) -> Vec<Answered> {
        let Self { answers, strays, .. } = self;
        answers.into_iter().map(|answer| answer.unwrap_or_else(|| Err(strays.missing()))).collect()
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
struct Strays {
    any: bool,
    error: Option<ErrorObject>,
}

impl Strays {
    fn add(&mut self, reply: Reply<'_>) {
        self.any = true;
        if let Ok(Err(error)) = reply.outcome {
            self.error.get_or_insert(error);
        }
    }

    fn missing(&self) -> Failure {
        let kind = Kind::Protocol(if self.any {
            "the call's answer is missing, and there is one that belongs to no call"
        } else {
            "the call's answer is missing"
        });
        match &self.error {
            Some(error) => Failure::with_source(kind, error.clone()),
            None => Failure::new(kind),
        }
    }
}

fn text(body: &Bytes) -> Result<&str, Failure> {
    match std::str::from_utf8(body) {
        Ok("") => Err(protocol("it is empty")),
        Ok(text) => Ok(text),
        Err(error) => Err(Failure::with_source(Kind::Protocol("it is not UTF-8"), error)),
    }
}

fn not_json(error: String) -> Failure {
    Failure::with_source(Kind::Protocol("it is not JSON"), error)
}

fn protocol(why: &'static str) -> Failure {
    Failure::new(Kind::Protocol(why))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{VersionCheck, batch, single};
    use crate::call_id::{CallId, Mint};
    use crate::error::{Answer, Answered};

    fn show(answered: Answered) -> String {
        match answered {
            Ok(Answer::Result(result)) => String::from_utf8(result.to_vec()).unwrap(),
            Ok(Answer::Error(error)) => format!("error {}", error.code()),
            Ok(Answer::OfRequest(error)) => format!("error {} of the request", error.code()),
            Err(failure) => failure.to_string().split(": ").last().unwrap().to_owned(),
        }
    }

    fn one(body: &'static str) -> String {
        show(single(&Bytes::from_static(body.as_bytes()), Some(&CallId::Number(5)), VersionCheck::Lenient))
    }

    const IDS: [&CallId; 3] = [&CallId::Number(5), &CallId::Number(6), &CallId::Number(7)];

    fn three(body: &'static str) -> [String; 3] {
        three_by(VersionCheck::Lenient, body)
    }

    fn three_by(check: VersionCheck, body: &'static str) -> [String; 3] {
        let answers = batch(&Bytes::from_static(body.as_bytes()), &IDS, check).unwrap().unwrap();
        answers.into_iter().map(show).collect::<Vec<_>>().try_into().unwrap()
    }

    #[test]
    fn an_answer_is_taken_by_its_id_alone() {
        assert_eq!(one(r#"{"jsonrpc":"2.0","result":[1],"id":5}"#), "[1]");
        assert_eq!(one(r#"{"jsonrpc":"2.0","error":{"code":1,"message":"m"},"id":5}"#), "error 1");
        for id in ["6", "\"5\"", "5.0", "null", "[5]"] {
            let body = format!(r#"{{"jsonrpc":"2.0","result":[1],"id":{id}}}"#);
            assert_eq!(one(body.leak()), "it has another call's id");
        }
        assert_eq!(one(r#"{"jsonrpc":"2.0","error":{"code":1,"message":"m"},"id":6}"#), "it has another call's id");
    }

    #[test]
    fn an_error_without_an_id_is_about_the_request() {
        assert_eq!(
            one(r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"m"},"id":null}"#),
            "error -32700 of the request"
        );
        assert_eq!(one(r#"{"jsonrpc":"2.0","error":{"code":1,"message":"m"}}"#), "error 1 of the request");
    }

    #[test]
    fn what_is_no_answer_says_why() {
        assert_eq!(one(""), "it is empty");
        assert_eq!(one("<html>"), "it is not JSON");
        assert_eq!(one("[]"), "an answer must be an object");
        let invalid = single(&Bytes::from_static(b"\xff"), Some(&CallId::Number(5)), VersionCheck::Lenient);
        assert_eq!(show(invalid), "it is not UTF-8");
    }

    #[test]
    fn a_batch_is_matched_by_id_in_any_order() {
        let body = r#"[{"jsonrpc":"2.0","result":7,"id":7},{"jsonrpc":"2.0","error":{"code":1,"message":"m"},"id":5},
            {"jsonrpc":"2.0","result":6,"id":6}]"#;
        assert_eq!(three(body), ["error 1", "6", "7"]);
    }

    #[test]
    fn keys_are_matched_as_numbers_are() {
        let mut mint = Mint::default();
        let keys = [mint.next(), mint.next()];
        let [one, two] = [0, 1].map(|index| keys[index].key().unwrap());
        let body =
            format!(r#"[{{"jsonrpc":"2.0","result":2,"id":"{two}"}},{{"jsonrpc":"2.0","result":1,"id":"{one}"}}]"#);
        let answers = batch(&Bytes::from(body), &[&keys[0], &keys[1]], VersionCheck::Lenient).unwrap().unwrap();
        assert_eq!(answers.into_iter().map(show).collect::<Vec<_>>(), ["1", "2"]);
        let body = format!(r#"{{"jsonrpc":"2.0","result":1,"id":"{one}"}}"#);
        let answered = |key| show(single(&Bytes::from(body.clone()), Some(key), VersionCheck::Lenient));
        assert_eq!(answered(&keys[0]), "1");
        assert_eq!(answered(&keys[1]), "it has another call's id");
    }

    #[test]
    fn a_missing_answer_is_its_own_calls_failure() {
        let body = r#"[{"jsonrpc":"2.0","result":5,"id":5},{"jsonrpc":"2.0","result":7,"id":7}]"#;
        assert_eq!(three(body), ["5", "the call's answer is missing", "7"]);
    }

    #[test]
    fn a_doubled_answer_is_trusted_in_neither_form() {
        let body = r#"[{"jsonrpc":"2.0","result":5,"id":5},{"jsonrpc":"2.0","result":6,"id":6},
            {"jsonrpc":"2.0","result":55,"id":5},{"jsonrpc":"2.0","result":555,"id":5},{"jsonrpc":"2.0","result":7,"id":7}]"#;
        assert_eq!(three(body), ["the call was answered twice", "6", "7"]);
    }

    #[test]
    fn a_foreign_answer_is_no_calls_answer() {
        let stray = "the call's answer is missing, and there is one that belongs to no call";
        let body = r#"[{"jsonrpc":"2.0","result":4,"id":4},{"jsonrpc":"2.0","result":8,"id":8},
            {"jsonrpc":"2.0","result":6,"id":6},{"jsonrpc":"2.0","result":0,"id":"7"}]"#;
        assert_eq!(three(body), [stray, "6", stray]);
    }

    #[test]
    fn an_undecodable_entry_is_its_own_calls_failure() {
        let body =
            r#"[{"jsonrpc":"2.0","id":5},{"jsonrpc":"2.0","result":6,"id":6},{"jsonrpc":"1.1","result":7,"id":7}]"#;
        let [five, six, seven] = three(body);
        assert_eq!(five, "the answer has neither a result nor an error");
        assert_eq!(six, "6");
        assert!(seven.contains("jsonrpc"));
    }

    #[test]
    fn an_answer_of_an_old_version_is_taken_by_its_id_unless_the_check_is_strict() {
        for old in ["", r#""jsonrpc":null,"#, r#""jsonrpc":"1.0","#] {
            let answer = |id| Bytes::from(format!(r#"{{{old}"result":[1],"error":null,"id":{id}}}"#));
            let single = |id, check| show(single(&answer(id), Some(&CallId::Number(5)), check));
            assert_eq!(single("5", VersionCheck::Lenient), "[1]", "{old}");
            assert!(single("5", VersionCheck::Strict).contains("jsonrpc"), "{old}");
            for other in ["6", "\"5\"", "null"] {
                assert!(single(other, VersionCheck::Lenient).contains("jsonrpc"), "{old} {other}");
            }
        }
        let body = r#"[{"result":7,"id":7},{"jsonrpc":null,"error":{"code":1,"message":"m"},"id":5},
            {"jsonrpc":"1.0","result":6,"id":6}]"#;
        assert_eq!(three(body), ["error 1", "6", "7"]);
        for refused in three_by(VersionCheck::Strict, body) {
            assert!(refused.contains("jsonrpc"), "{refused}");
        }
        let missing = "the call's answer is missing";
        assert_eq!(three(r#"{"result":5,"id":5}"#), ["5", missing, missing]);
    }

    #[test]
    fn an_error_without_a_version_and_an_id_is_about_nothing() {
        let body = r#"{"error":{"code":-32600,"message":"m"},"id":null}"#;
        assert!(one(body).contains("jsonrpc"));
        let stray = "the call's answer is missing, and there is one that belongs to no call";
        assert_eq!(three(body), [stray, stray, stray]);
        let answered = single(&Bytes::from_static(body.as_bytes()), None, VersionCheck::Lenient);
        assert!(matches!(answered, Ok(Answer::Result(_))));
    }

    #[test]
    fn one_error_may_be_about_the_whole_batch() {
        let body = br#" {"jsonrpc":"2.0","error":{"code":-32600,"message":"m"},"id":null}"#;
        let error = batch(&Bytes::from_static(body), &IDS, VersionCheck::Lenient).unwrap().unwrap_err();
        assert_eq!(error.code().get(), -32600);
    }

    #[test]
    fn one_answer_with_an_id_is_that_calls_alone() {
        let missing = "the call's answer is missing";
        assert_eq!(
            three(r#"{"jsonrpc":"2.0","error":{"code":1,"message":"m"},"id":6}"#),
            [missing, "error 1", missing]
        );
        assert_eq!(three(r#"{"jsonrpc":"2.0","result":5,"id":5}"#), ["5", missing, missing]);
        let stray = "the call's answer is missing, and there is one that belongs to no call";
        assert_eq!(three(r#"{"jsonrpc":"2.0","error":{"code":1,"message":"m"},"id":"6"}"#), [stray, stray, stray]);
        assert_eq!(three(r#"{"jsonrpc":"2.0","result":5,"id":null}"#), [stray, stray, stray]);
    }

    #[test]
    fn a_batch_that_cannot_be_read_fails_as_a_whole() {
        for body in ["", "[1", "17"] {
            let failure = batch(&Bytes::from_static(body.as_bytes()), &IDS, VersionCheck::Lenient).unwrap_err();
            assert!(failure.is_protocol(), "{body}");
        }
    }

    #[test]
    fn the_error_of_a_stray_answer_is_kept_as_the_source() {
        let body = r#"[{"jsonrpc":"2.0","error":{"code":-32600,"message":"m"},"id":null}]"#;
        let answers = batch(&Bytes::from_static(body.as_bytes()), &IDS[..1], VersionCheck::Lenient).unwrap().unwrap();
        let failure = answers.into_iter().next().unwrap().unwrap_err();
        assert_eq!(failure.error_object().unwrap().code().get(), -32600);
    }

    #[test]
    fn notifications_are_content_with_nothing() {
        for body in ["", "null", "<html>"] {
            let answered = single(&Bytes::from_static(body.as_bytes()), None, VersionCheck::Lenient);
            assert!(matches!(answered, Ok(Answer::Result(_))), "{body}");
        }
        let error = Bytes::from_static(br#"{"jsonrpc":"2.0","error":{"code":-32600,"message":"m"},"id":null}"#);
        assert!(matches!(single(&error, None, VersionCheck::Lenient), Ok(Answer::OfRequest(_))));
    }
}
