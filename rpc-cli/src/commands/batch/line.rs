//! [`Line`]: a line of the input, which is a call or a notification.

use rpc::Effect;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use uuid::Uuid;

/// A line of the input.
#[derive(Debug)]
pub(super) struct Line {
    /// The number of the line, from 1.
    pub(super) number: u64,
    /// The id as it is written, which the answer repeats.
    pub(super) id: Option<Box<RawValue>>,
    pub(super) method: String,
    pub(super) params: Option<Box<RawValue>>,
    pub(super) notify: bool,
    /// The effect that the line states, if it states one.
    pub(super) effect: Option<Effect>,
    pub(super) key: Option<Uuid>,
}

/// A line as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default, deserialize_with = "present")]
    id: Option<Box<RawValue>>,
    method: String,
    #[serde(default, deserialize_with = "present")]
    params: Option<Box<RawValue>>,
    jsonrpc: Option<String>,
    #[serde(default)]
    notify: bool,
    #[serde(default)]
    readonly: bool,
    #[serde(default)]
    idempotent: bool,
    #[serde(default, deserialize_with = "uuid")]
    key: Option<Uuid>,
}

fn uuid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Uuid>, D::Error> {
    String::deserialize(deserializer)?.parse().map(Some).map_err(|_| D::Error::custom("a `key` is a UUID"))
}

/// Keeps `null`, which differs from a member that is absent.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Box<RawValue>>, D::Error> {
    Box::<RawValue>::deserialize(deserializer).map(Some)
}

impl Line {
    /// Parses a line.
    ///
    /// # Errors
    ///
    /// If it is no call. The text begins with the place.
    pub(super) fn parse(number: u64, text: &str) -> Result<Self, String> {
        let start = text.len() - text.trim_ascii_start().len();
        if !text[start..].starts_with('{') {
            return Err(format!("line {number}, column {}: a line is a JSON object with a method", start + 1));
        }
        let written: Written = serde_json::from_str(text).map_err(|error| {
            let message = error.to_string();
            let place = format!(" at line {} column {}", error.line(), error.column());
            format!("line {number}, column {}: {}", error.column(), message.strip_suffix(&place).unwrap_or(&message))
        })?;
        written.check().map_err(|why| format!("line {number}, column {}: {why}", start + 1))?;
        let effect = match (written.readonly, written.idempotent) {
            (true, _) => Some(Effect::None),
            (false, true) => Some(Effect::Idempotent),
            (false, false) => None,
        };
        Ok(Self {
            number,
            id: written.id,
            method: written.method,
            params: written.params.filter(|params| params.get() != "null"),
            notify: written.notify,
            effect,
            key: written.key,
        })
    }
}

impl Written {
    /// Checks the rules between members.
    fn check(&self) -> Result<(), &'static str> {
        let params = self.params.as_ref().map_or("null", |params| params.get());
        let id = self.id.as_ref().map_or("null", |id| id.get());
        match self {
            Self { jsonrpc: Some(version), .. } if version != "2.0" => Err("the member `jsonrpc` can only be \"2.0\""),
            _ if params != "null" && !params.starts_with(['{', '[']) => Err("`params` are an array or an object"),
            _ if id.starts_with(['{', '[', 't', 'f']) => Err("an `id` is a string, a number or null"),
            Self { readonly: true, idempotent: true, .. } => Err("a call is either `readonly` or `idempotent`"),
            Self { notify: true, id: Some(_), .. } => Err("a notification has no `id`"),
            Self { notify: true, key: Some(_), .. } => Err("a notification has no `key`"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use rpc::Effect;

    use super::Line;

    fn parse(text: &str) -> Line {
        Line::parse(3, text).unwrap()
    }

    #[test]
    fn a_line_is_a_call() {
        let line = parse(r#" {"method":"a","params":[1.50],"id":"x","idempotent":true} "#);
        assert_eq!((line.number, &*line.method, line.notify), (3, "a", false));
        assert_eq!(line.params.unwrap().get(), "[1.50]");
        assert_eq!(line.id.unwrap().get(), "\"x\"");
        assert_eq!(line.effect, Some(Effect::Idempotent));
    }

    #[test]
    fn a_request_of_json_rpc_is_a_call_also_without_an_id() {
        let line = parse(r#"{"jsonrpc":"2.0","method":"a"}"#);
        assert!(!line.notify && line.id.is_none() && line.params.is_none());
        assert!(parse(r#"{"jsonrpc":"2.0","method":"a","notify":true}"#).notify);
        let line = parse(r#"{"method":"a","id":null,"params":null}"#);
        assert_eq!(line.id.unwrap().get(), "null");
        assert!(line.params.is_none());
    }

    #[test]
    fn what_is_no_call_has_a_place() {
        for (text, expected) in [
            ("[1]", "line 3, column 1: a line is a JSON object with a method"),
            ("  7", "line 3, column 3: a line is a JSON object with a method"),
            (r#"{"method":"a""#, "line 3, column 13: EOF while parsing an object"),
            (r#"{"params":[]}"#, "line 3, column 13: missing field `method`"),
            (r#"{"method":"a","parms":[]}"#, "line 3, column 21: unknown field `parms`, expected one of"),
            (r#"{"method":"a"} x"#, "line 3, column 16: trailing characters"),
            (r#"{"method":"a","params":7}"#, "line 3, column 1: `params` are an array or an object"),
            (r#"{"method":"a","id":[1]}"#, "line 3, column 1: an `id` is a string, a number or null"),
            (r#"{"method":"a","jsonrpc":"1.0"}"#, "line 3, column 1: the member `jsonrpc` can only be \"2.0\""),
            (r#"{"method":"a","readonly":true,"idempotent":true}"#, "line 3, column 1: a call is either"),
            (r#"{"method":"a","notify":true,"id":1}"#, "line 3, column 1: a notification has no `id`"),
        ] {
            let error = Line::parse(3, text).unwrap_err();
            assert!(error.starts_with(expected), "{error}");
        }
    }
}
