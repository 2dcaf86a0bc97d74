use super::parse::{explain, is_version};
use super::scan::{NotJson, Scanner};
use crate::{ErrorObject, IdRef};

/// An answer as a client reads it, [section 5](https://www.jsonrpc.org/specification#response_object).
#[derive(Debug)]
pub struct Reply<'a> {
    /// The id, or `None` where there is none that could be read.
    pub id: Option<IdRef<'a>>,
    /// The JSON text of the result, or the error, or what keeps this from being an answer.
    pub outcome: Result<Result<&'a str, ErrorObject>, &'static str>,
}

/// Reads a single answer.
///
/// # Errors
///
/// If the text is not JSON, with what is wrong. JSON that is no answer is a [`Reply`] that says so.
pub fn parse_reply(text: &str) -> Result<Reply<'_>, String> {
    if let Some((reply, "")) = plain(text) {
        return Ok(reply);
    }
    let mut scanner = Scanner::new(text);
    let reply = reply(&mut scanner).and_then(|reply| scanner.end().map(|()| reply));
    reply.map_err(|NotJson| explain(text))
}

/// Reads the answers of a batch.
///
/// # Errors
///
/// If the text is not a JSON array, with what is wrong.
pub fn parse_replies(text: &str) -> Result<Vec<Reply<'_>>, String> {
    if let Some(replies) = plain_replies(text) {
        return Ok(replies);
    }
    let mut scanner = Scanner::new(text);
    let mut replies = Vec::new();
    let read = scanner.members(b'[', b']', |scanner| {
        replies.push(reply(scanner)?);
        Ok(())
    });
    match read.and_then(|()| scanner.end()) {
        Ok(()) => Ok(replies),
        Err(NotJson) if Scanner::is_json(text) => Err("not an array".to_owned()),
        Err(NotJson) => Err(explain(text)),
    }
}

/// Reads the answers of a batch that is written without white space between them.
fn plain_replies(text: &str) -> Option<Vec<Reply<'_>>> {
    let mut text = text.strip_prefix('[')?;
    let mut replies = Vec::new();
    loop {
        let (reply, rest) = plain(text).or_else(|| {
            let (entry, rest) = plain_value(text)?;
            Some((reply(&mut Scanner::new(entry)).ok()?, rest))
        })?;
        replies.push(reply);
        match rest.as_bytes() {
            [b',', ..] => text = &rest[1..],
            b"]" => return Some(replies),
            _ => return None,
        }
    }
}

/// Reads a success with a number for its id from where the text begins, written as nearly all servers write it, and
/// returns the rest of the text.
///
/// Whoever asks falls back on reading member by member, which takes three times as long.
fn plain(text: &str) -> Option<(Reply<'_>, &str)> {
    let text = text.strip_prefix(r#"{"jsonrpc":"2.0","#)?;
    let (id, result, text) = if let Some(text) = text.strip_prefix(r#""result":"#) {
        let (result, text) = plain_value(text)?;
        let (id, text) = plain_id(text.strip_prefix(r#","id":"#)?)?;
        (id, result, text)
    } else {
        let (id, text) = plain_id(text.strip_prefix(r#""id":"#)?)?;
        let (result, text) = plain_value(text.strip_prefix(r#","result":"#)?)?;
        (id, result, text)
    };
    Some((Reply { id: IdRef::from_json(id), outcome: Ok(Ok(result)) }, text.strip_prefix('}')?))
}

/// Divides the text after the value that it begins with.
fn plain_value(text: &str) -> Option<(&str, &str)> {
    let value = Scanner::new(text).value().ok()?;
    // After white space the value would not begin where the text does.
    let has_space = text.starts_with([' ', '\t', '\n', '\r']);
    if has_space { None } else { Some(text.split_at(value.len())) }
}

/// Divides the text after the digits that it begins with.
fn plain_id(text: &str) -> Option<(&str, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    // JSON's numbers have no leading zero.
    if digits == 0 || digits > 1 && text.starts_with('0') { None } else { Some(text.split_at(digits)) }
}

fn reply<'a>(scanner: &mut Scanner<'a>) -> Result<Reply<'a>, NotJson> {
    if scanner.peek() != Some(b'{') {
        scanner.value()?;
        return Ok(Reply { id: None, outcome: Err("an answer must be an object") });
    }
    let mut members = Members::default();
    scanner.members(b'{', b'}', |scanner| -> Result<(), NotJson> {
        let slot = match &*scanner.name()? {
            "jsonrpc" => &mut members.jsonrpc,
            "result" => &mut members.result,
            "error" => &mut members.error,
            "id" => &mut members.id,
            _ => &mut None,
        };
        members.doubled |= slot.replace(scanner.value()?).is_some();
        Ok(())
    })?;
    Ok(Reply { id: members.id.and_then(IdRef::from_json).filter(|_| !members.doubled), outcome: members.outcome() })
}

#[derive(Default)]
struct Members<'a> {
    jsonrpc: Option<&'a str>,
    result: Option<&'a str>,
    error: Option<&'a str>,
    id: Option<&'a str>,
    doubled: bool,
}

impl<'a> Members<'a> {
    fn outcome(&self) -> Result<Result<&'a str, ErrorObject>, &'static str> {
        if self.doubled {
            return Err("a member of the answer stands there twice");
        }
        if !self.jsonrpc.is_some_and(is_version) {
            return Err("member \"jsonrpc\" of the answer is not the string \"2.0\"");
        }
        // Servers that grew up with version 1.0 send both members, one of them null.
        let error = self.error.filter(|error| *error != "null");
        match (self.result, error) {
            (Some(result), None) => Ok(Ok(result)),
            (None | Some("null"), Some(error)) => read_error(error),
            (Some(_), Some(_)) => Err("the answer has both a result and an error"),
            (None, None) => Err("the answer has neither a result nor an error"),
        }
    }
}

fn read_error<'a>(error: &str) -> Result<Result<&'a str, ErrorObject>, &'static str> {
    serde_json::from_str(error).map(Err).map_err(|_| "member \"error\" of the answer is not an error object")
}

#[cfg(test)]
mod tests {
    use super::{Scanner, parse_replies, parse_reply, plain, plain_replies, reply};
    use crate::ErrorObject;

    #[track_caller]
    fn result(text: &str) -> Result<Result<String, ErrorObject>, &'static str> {
        parse_reply(text).unwrap().outcome.map(|outcome| outcome.map(str::to_owned))
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
    fn one_bad_entry_spoils_no_other() {
        let replies = parse_replies(r#"[1,{"jsonrpc":"2.0","result":1,"id":1}]"#).unwrap();
        assert!(replies[0].outcome.is_err() && replies[0].id.is_none());
        assert!(replies[1].outcome.is_ok() && replies[1].id.is_some());
    }

    /// Answers in the usual shape and close to it, each with whether it is taken at a glance.
    const SHAPES: [(&str, bool); 22] = [
        (r#"{"jsonrpc":"2.0","result":{"a":[1,"}"]},"id":12}"#, true),
        (r#"{"jsonrpc":"2.0","id":0,"result":null}"#, true),
        (r#"{"jsonrpc":"2.0","result":"a\"","id":18446744073709551616}"#, true),
        (r#"{"jsonrpc":"2.0","result":1,"id":01}"#, false),
        (r#"{"jsonrpc":"2.0","result":1,"id":}"#, false),
        (r#"{"jsonrpc":"2.0","result":1,"id":1.0}"#, false),
        (r#"{"jsonrpc":"2.0","result":1,"id":-1}"#, false),
        (r#"{"jsonrpc":"2.0","result":1,"id":1e3}"#, false),
        (r#"{"jsonrpc":"2.0","result":1,"id":"1"}"#, false),
        (r#"{"jsonrpc":"2.0","result":1,"id":null}"#, false),
        (r#"{"jsonrpc":"2.0","result": 1,"id":1}"#, false),
        (r#"{"jsonrpc":"2.0","result":1 ,"id":1}"#, false),
        (r#"{"jsonrpc":"2.0","result":1,"id":1 }"#, false),
        (r#"{"jsonrpc":"2.0","result":1,"id":1,"error":null}"#, false),
        (r#"{"jsonrpc":"2.0","id":1,"result":1,"id":1}"#, false),
        (r#"{"jsonrpc":"2.0","result":,"id":1}"#, false),
        (r#"{"jsonrpc":"2.0","result":01,"id":1}"#, false),
        (r#"{"jsonrpc":"2.0","result":1}"#, false),
        (r#"{"jsonrpc":"2.0","result":1,"id":1"#, false),
        (r#"{"jsonrpc":"2.0","error":{"code":1,"message":"m"},"id":1}"#, false),
        (r#"{"result":1,"jsonrpc":"2.0","id":1}"#, false),
        (r#"{"jsonrpc":"1.0","result":1,"id":1}"#, false),
    ];

    #[test]
    fn what_is_taken_at_a_glance_is_what_reading_member_by_member_finds() {
        for (text, at_a_glance) in SHAPES {
            let Some((glance, rest)) = plain(text) else {
                assert!(!at_a_glance, "{text}");
                continue;
            };
            assert!(at_a_glance && rest.is_empty(), "{text}");
            let whole = reply(&mut Scanner::new(text)).unwrap();
            assert_eq!(format!("{glance:?}"), format!("{whole:?}"));
        }
        assert!(parse_reply(r#"{"jsonrpc":"2.0","result":1,"id":1}x"#).is_err());
    }

    #[test]
    fn batches_are_read_alike_with_and_without_white_space() {
        for (one, _) in SHAPES {
            for (other, _) in SHAPES {
                let read = |text: &str| parse_replies(text).map(|replies| format!("{replies:?}")).map_err(drop);
                let dense = read(&format!("[{one},{other}]"));
                assert_eq!(dense, read(&format!("[ {one} , {other} ]")), "{one} {other}");
            }
        }
        for text in ["[]", "[", "[1", "[1,", "[1,]", "[1]]", "[1] "] {
            assert!(plain_replies(text).is_none(), "{text}");
        }
    }
}
