use super::foreign_error::{ForeignError, read_error};
use super::parse::{VERSION, explain, is_version, text};
use super::scan::{NotJson, Scanner};
use crate::{ErrorObject, IdRef};

/// An answer as read by a client, [section 5](https://www.jsonrpc.org/specification#response_object).
#[derive(Debug)]
pub struct Reply<'a> {
    /// The id, or `None` if there is no readable one.
    pub id: Option<IdRef<'a>>,
    /// The JSON text of the whole answer.
    pub json: &'a str,
    /// The content of the answer. An object with any version but `"2.0"` is not an answer.
    pub outcome: ReplyOutcome<'a>,
    /// The outcome of an answer of an old version, if the reader ignores its version. Boxed because it is rare.
    unversioned: Option<Box<ReplyOutcome<'a>>>,
}

/// The JSON text of a result, or an error, or the reason why an object is not an answer.
pub type ReplyOutcome<'a> = Result<Result<&'a str, ErrorObject>, InvalidResponse>;

/// Why an object is not an answer.
#[derive(Clone, Debug)]
pub enum InvalidResponse {
    /// It violates the specification, for this reason.
    Malformed(&'static str),
    /// It has an error that is not a JSON-RPC error object.
    ForeignError(ForeignError),
}

impl From<&'static str> for InvalidResponse {
    fn from(why: &'static str) -> Self {
        Self::Malformed(why)
    }
}

impl<'a> Reply<'a> {
    /// Returns the content of the answer, and ignores a version that is missing, `null` or `"1.0"`.
    ///
    /// Servers that date from version 1.0 answer like this. Without a version, only the id shows that an object answers
    /// a call, so check the id first.
    ///
    /// # Errors
    ///
    /// Returns an error with the reason if the object is not an answer.
    pub fn lenient_outcome(self) -> ReplyOutcome<'a> {
        self.unversioned.map_or(self.outcome, |outcome| *outcome)
    }
}

/// Reads a single answer.
///
/// # Errors
///
/// Returns an error with the reason if the text is not JSON. If the JSON is not an answer, the [`Reply`] says so.
pub fn parse_reply(text: &str) -> Result<Reply<'_>, String> {
    let mut scanner = Scanner::new(text);
    let reply = reply(&mut scanner).and_then(|reply| scanner.end().map(|()| reply));
    reply.map_err(|NotJson| explain(text))
}

/// Reads the answers of a batch.
///
/// # Errors
///
/// Returns an error with the reason if the text is not a JSON array.
pub fn parse_replies(text: &str) -> Result<Vec<Reply<'_>>, String> {
    let mut replies = Vec::new();
    each_reply(text, |reply| replies.push(reply))?;
    Ok(replies)
}

/// Reads the answers of a batch one by one. If it fails, use none of them.
///
/// # Errors
///
/// Returns the same errors as [`parse_replies`].
pub fn each_reply<'a>(text: &'a str, mut take: impl FnMut(Reply<'a>)) -> Result<(), String> {
    let mut scanner = Scanner::new(text);
    let read = scanner.members(b'[', b']', |scanner| {
        take(reply(scanner)?);
        Ok(())
    });
    match read.and_then(|()| scanner.end()) {
        Ok(()) => Ok(()),
        Err(NotJson) if Scanner::is_json(text) => Err("not an array".to_owned()),
        Err(NotJson) => Err(explain(text)),
    }
}

/// Returns the member `error` of a JSON object, whatever its other members. Returns `None` if the member is missing,
/// null or duplicated.
pub fn error_of(text: &str) -> Option<Result<ErrorObject, ForeignError>> {
    let mut scanner = Scanner::new(text);
    let mut errors = Vec::new();
    let read = scanner.members(b'{', b'}', |scanner| -> Result<(), NotJson> {
        let is_error = scanner.name(|name| name == "error")?;
        let value = scanner.value()?;
        errors.extend(is_error.then_some(value));
        Ok(())
    });
    read.and_then(|()| scanner.end()).ok()?;
    match errors[..] {
        [error] if error != "null" => Some(read_error(error)),
        _ => None,
    }
}

fn reply<'a>(scanner: &mut Scanner<'a>) -> Result<Reply<'a>, NotJson> {
    let is_object = scanner.peek() == Some(b'{');
    let start = scanner.position();
    if !is_object {
        let json = scanner.value()?;
        return Ok(Reply { id: None, json, outcome: Err("an answer must be an object".into()), unversioned: None });
    }
    let mut members = ResponseMembers::default();
    scanner.members(b'{', b'}', |scanner| -> Result<(), NotJson> {
        let name = ResponseMemberName::scan(scanner)?;
        let value = match name {
            ResponseMemberName::Jsonrpc if scanner.take(VERSION) => VERSION,
            ResponseMemberName::Result => scanner.long_value()?,
            _ => scanner.value()?,
        };
        let slot = match name {
            ResponseMemberName::Jsonrpc => &mut members.jsonrpc,
            ResponseMemberName::Result => &mut members.result,
            ResponseMemberName::Error => &mut members.error,
            ResponseMemberName::Id => &mut members.id,
            ResponseMemberName::Other => return Ok(()),
        };
        members.doubled |= slot.replace(value).is_some();
        Ok(())
    })?;
    let json = scanner.text_from(start);
    let id = members.id.and_then(IdRef::from_json).filter(|_| !members.doubled);
    if members.doubled {
        let outcome = Err("a member of the answer stands there twice".into());
        return Ok(Reply { id, json, outcome, unversioned: None });
    }
    if members.jsonrpc.is_some_and(is_version) {
        return Ok(Reply { id, json, outcome: members.outcome(), unversioned: None });
    }
    let unversioned = members.jsonrpc.is_none_or(is_old_version).then(|| Box::new(members.outcome()));
    let outcome = Err("member \"jsonrpc\" of the answer is not the string \"2.0\"".into());
    Ok(Reply { id, json, outcome, unversioned })
}

fn is_old_version(json: &str) -> bool {
    json == "null" || text(json, true).as_deref() == Some("1.0")
}

/// The members of an answer.
enum ResponseMemberName {
    Jsonrpc,
    Result,
    Error,
    Id,
    Other,
}

impl ResponseMemberName {
    #[inline]
    fn scan(scanner: &mut Scanner<'_>) -> Result<Self, NotJson> {
        // Nearly all names are written like this. They then need no unescaping.
        scanner.peek();
        Ok(if scanner.take(r#""jsonrpc":"#) {
            Self::Jsonrpc
        } else if scanner.take(r#""result":"#) {
            Self::Result
        } else if scanner.take(r#""id":"#) {
            Self::Id
        } else if scanner.take(r#""error":"#) {
            Self::Error
        } else {
            scanner.name(Self::read)?
        })
    }

    fn read(name: &str) -> Self {
        match name {
            "jsonrpc" => Self::Jsonrpc,
            "result" => Self::Result,
            "error" => Self::Error,
            "id" => Self::Id,
            _ => Self::Other,
        }
    }
}

#[derive(Default)]
struct ResponseMembers<'a> {
    jsonrpc: Option<&'a str>,
    result: Option<&'a str>,
    error: Option<&'a str>,
    id: Option<&'a str>,
    doubled: bool,
}

impl<'a> ResponseMembers<'a> {
    /// Returns the outcome by all members except the version.
    fn outcome(&self) -> ReplyOutcome<'a> {
        // Servers that date from version 1.0 send both members, one of them null.
        let error = self.error.filter(|error| *error != "null");
        match (self.result, error) {
            (Some(result), None) => Ok(Ok(result)),
            (None | Some("null"), Some(error)) => match read_error(error) {
                Ok(error) => Ok(Err(error)),
                Err(error) => Err(InvalidResponse::ForeignError(error)),
            },
            (Some(_), Some(_)) => Err("the answer has both a result and an error".into()),
            (None, None) => Err("the answer has neither a result nor an error".into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{InvalidResponse, ReplyOutcome, error_of, parse_replies, parse_reply};
    use crate::ErrorObject;

    type Said = Result<Result<String, ErrorObject>, String>;

    fn said(outcome: ReplyOutcome<'_>) -> Said {
        outcome.map(|outcome| outcome.map(str::to_owned)).map_err(|no_answer| match no_answer {
            InvalidResponse::Malformed(why) => why.to_owned(),
            InvalidResponse::ForeignError(error) => format!("foreign error {error}"),
        })
    }

    #[track_caller]
    fn result(text: &str) -> Said {
        said(parse_reply(text).unwrap().outcome)
    }

    #[test]
    fn results_and_errors_are_told_apart() {
        assert_eq!(result(r#"{"jsonrpc":"2.0","result":null,"id":1}"#), Ok(Ok("null".into())));
        assert_eq!(
            result(r#"{"jsonrpc":"2.0","error":{"code":1,"message":"m"},"id":1}"#),
            Ok(Err(ErrorObject::new(1, "m")))
        );
    }

    #[test]
    fn members_may_be_escaped() {
        assert_eq!(result(r#"{"\u006asonrpc":"\u0032.0","r\u0065sult":7,"id":1}"#), Ok(Ok("7".into())));
    }

    #[test]
    fn a_null_beside_the_other_member_is_ignored() {
        assert_eq!(result(r#"{"jsonrpc":"2.0","result":1,"error":null,"id":1}"#), Ok(Ok("1".into())));
        assert_eq!(
            result(r#"{"jsonrpc":"2.0","result":null,"error":{"code":1,"message":"m"},"id":1}"#),
            Ok(Err(ErrorObject::new(1, "m")))
        );
    }

    #[test]
    fn an_error_that_is_no_error_object_is_kept_beside_no_result_alone() {
        for error in ["\"no\"", "7", "[]", "{}", "false"] {
            for result_member in ["", r#""result":null,"#] {
                let text = format!(r#"{{"jsonrpc":"2.0",{result_member}"error":{error},"id":1}}"#);
                assert_eq!(result(&text), Err(format!("foreign error {error}")));
            }
            let text = format!(r#"{{"jsonrpc":"2.0","result":1,"error":{error},"id":1}}"#);
            assert!(result(&text).unwrap_err().contains("both"));
        }
    }

    #[test]
    fn an_error_is_found_whatever_is_around_it() {
        let object = ErrorObject::new(1, "m");
        for text in [
            r#"{"error":{"code":1,"message":"m"}}"#,
            r#" {"jsonrpc":"1.1","id":null,"err\u006fr":{"code":1,"message":"m"},"result":7} "#,
        ] {
            assert_eq!(error_of(text).unwrap().unwrap(), object, "{text}");
        }
        assert_eq!(error_of(r#"{"error":"no"}"#).unwrap().unwrap_err().text(), "no");
        for text in ["", "<html>", "[]", "{}", r#"{"error":null}"#, r#"{"error":1,"error":1}"#, r#"{"error":1"#] {
            assert!(error_of(text).is_none(), "{text}");
        }
    }

    #[test]
    fn an_answer_knows_its_own_text() {
        let replies = parse_replies(r#" [ {"a":1} , 7 ]"#).unwrap();
        assert_eq!(replies.iter().map(|reply| reply.json).collect::<Vec<_>>(), [r#"{"a":1}"#, "7"]);
    }

    #[test]
    fn what_is_no_answer_says_why() {
        for text in [
            "1",
            "[]",
            "{}",
            r#"{"result":1,"id":1}"#,
            r#"{"jsonrpc":"1.0","result":1,"id":1}"#,
            r#"{"jsonrpc":"2.0","id":1}"#,
            r#"{"jsonrpc":"2.0","result":1,"error":{"code":1,"message":"m"},"id":1}"#,
            r#"{"jsonrpc":"2.0","error":"no","id":1}"#,
            r#"{"jsonrpc":"2.0","result":1,"result":2,"id":1}"#,
        ] {
            assert!(result(text).is_err(), "{text}");
        }
        assert!(parse_reply("nonsense").is_err());
    }

    #[test]
    fn a_missing_or_old_version_can_be_overlooked() {
        let lenient = |member: &str, rest: &str| {
            let text = format!("{{{member}{rest},\"id\":1}}");
            assert!(result(&text).unwrap_err().contains("jsonrpc"), "{text}");
            said(parse_reply(&text).unwrap().lenient_outcome())
        };
        for old in ["", r#""jsonrpc":null,"#, r#""jsonrpc":"1.0","#, r#""jsonrpc":"1\u002e0","#] {
            assert_eq!(lenient(old, r#""result":7,"error":null"#), Ok(Ok("7".into())), "{old}");
            let error = r#""result":null,"error":{"code":1,"message":"m"}"#;
            assert_eq!(lenient(old, error), Ok(Err(ErrorObject::new(1, "m"))), "{old}");
            assert!(lenient(old, r#""result":7,"error":{"code":1,"message":"m"}"#).unwrap_err().contains("both"));
        }
        for other in
            ["1.0", "2.0", "2", "\"2\"", "\"1\"", "\"1.1\"", "\"3.0\"", "\"\"", "\"null\"", "[]", "{}", "false"]
        {
            let why = lenient(&format!("\"jsonrpc\":{other},"), r#""result":7"#).unwrap_err();
            assert!(why.contains("jsonrpc"), "{other}");
        }
        let doubled = parse_reply(r#"{"jsonrpc":null,"jsonrpc":"1.0","result":7,"id":1}"#).unwrap();
        assert!(doubled.id.is_none() && doubled.lenient_outcome().is_err());
    }

    #[test]
    fn one_bad_entry_spoils_no_other() {
        let replies = parse_replies(r#"[1,{"jsonrpc":"2.0","result":1,"id":1}]"#).unwrap();
        assert!(replies[0].outcome.is_err() && replies[0].id.is_none());
        assert!(replies[1].outcome.is_ok() && replies[1].id.is_some());
    }
}
