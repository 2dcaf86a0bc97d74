use std::fmt;

use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::{ErrorObject, IdRef};

/// Is an answer as a client reads it, [section 5](https://www.jsonrpc.org/specification#response_object).
#[derive(Debug)]
pub struct Reply<'a> {
    /// The id, or `None` where there is none that could be read.
    pub id: Option<IdRef<'a>>,
    /// The result or the error, or what keeps this from being an answer.
    pub outcome: Result<Result<&'a RawValue, ErrorObject>, &'static str>,
}

impl Reply<'_> {
    fn garbage(reason: &'static str) -> Self {
        Self { id: None, outcome: Err(reason) }
    }
}

/// Reads a single answer.
///
/// # Errors
///
/// If the text is not JSON. JSON that is no answer is a [`Reply`] that says so.
pub fn parse_reply(text: &str) -> Result<Reply<'_>, serde_json::Error> {
    serde_json::from_str(text)
}

/// Reads the answers of a batch.
///
/// # Errors
///
/// If the text is not a JSON array.
pub fn parse_replies(text: &str) -> Result<Vec<Reply<'_>>, serde_json::Error> {
    serde_json::from_str(text)
}

const NOT_AN_OBJECT: &str = "an answer must be an object";

impl<'de: 'a, 'a> Deserialize<'de> for Reply<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ReplyVisitor)
    }
}

struct ReplyVisitor;

macro_rules! not_an_object {
    ($($visit:ident: $type:ty),*) => { $(
        fn $visit<E: Error>(self, _: $type) -> Result<Self::Value, E> {
            Ok(Reply::garbage(NOT_AN_OBJECT))
        }
    )* };
}

impl<'de> Visitor<'de> for ReplyVisitor {
    type Value = Reply<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON-RPC answer")
    }

    not_an_object!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Reply::garbage(NOT_AN_OBJECT))
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Reply::garbage(NOT_AN_OBJECT))
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
        let mut members = Members::default();
        while let Some(name) = map.next_key::<Name>()? {
            let slot = match name {
                Name::Jsonrpc => &mut members.jsonrpc,
                Name::Result => &mut members.result,
                Name::Error => &mut members.error,
                Name::Id => &mut members.id,
                Name::Other => {
                    map.next_value::<IgnoredAny>()?;
                    continue;
                }
            };
            members.doubled |= slot.replace(map.next_value::<&'de RawValue>()?).is_some();
        }
        Ok(Reply { id: members.id.and_then(IdRef::from_raw).filter(|_| !members.doubled), outcome: members.outcome() })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Name {
    Jsonrpc,
    Result,
    Error,
    Id,
    #[serde(other)]
    Other,
}

#[derive(Default)]
struct Members<'a> {
    jsonrpc: Option<&'a RawValue>,
    result: Option<&'a RawValue>,
    error: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    doubled: bool,
}

impl<'a> Members<'a> {
    fn outcome(&self) -> Result<Result<&'a RawValue, ErrorObject>, &'static str> {
        if self.doubled {
            return Err("a member of the answer stands there twice");
        }
        if self.jsonrpc.map(RawValue::get) != Some(r#""2.0""#) {
            return Err("member \"jsonrpc\" of the answer is not the string \"2.0\"");
        }
        // Servers that grew up with version 1.0 send both members, one of them null.
        let error = self.error.filter(|error| error.get() != "null");
        match (self.result, error) {
            (Some(result), None) => Ok(Ok(result)),
            (None, Some(error)) => read_error(error),
            (Some(result), Some(error)) if result.get() == "null" => read_error(error),
            (Some(_), Some(_)) => Err("the answer has both a result and an error"),
            (None, None) => Err("the answer has neither a result nor an error"),
        }
    }
}

fn read_error<'a>(error: &RawValue) -> Result<Result<&'a RawValue, ErrorObject>, &'static str> {
    let error = serde_json::from_str(error.get());
    error.map(Err).map_err(|_| "member \"error\" of the answer is not an error object")
}

#[cfg(test)]
mod tests {
    use super::{parse_replies, parse_reply};
    use crate::ErrorObject;

    #[track_caller]
    fn result(text: &str) -> Result<Result<String, ErrorObject>, &'static str> {
        parse_reply(text).unwrap().outcome.map(|outcome| outcome.map(|raw| raw.get().to_owned()))
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
}
