//! [`Template`]: the params of all calls of a run, with placeholders that have another value in each call.

use std::fmt::Write as _;

use serde_json::value::RawValue;
use uuid::Uuid;

/// The params of all calls.
#[derive(Clone, Debug)]
pub(crate) enum Template {
    /// The same in each call.
    Same(Option<Box<RawValue>>),
    /// With placeholders.
    Filled(Vec<Part>),
}

/// A part of params.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Text(String),
    /// The number of the call.
    Number,
    /// A new random UUID.
    Uuid,
}

/// A string that is this placeholder and nothing else becomes a number.
const WHOLE_NUMBER: &str = "\"{{n}}\"";
const NUMBER: &str = "{{n}}";
const UUID: &str = "{{uuid}}";

impl Template {
    /// Finds the placeholders in params.
    pub(crate) fn new(params: Option<Box<RawValue>>) -> Self {
        let parts = params.as_deref().map_or(Vec::new(), |params| parts(params.get()));
        if parts.iter().all(|part| matches!(part, Part::Text(_))) { Self::Same(params) } else { Self::Filled(parts) }
    }

    /// Returns the params of a call. `number` is the call's number, from 1.
    pub(crate) fn fill(&self, number: u64) -> Option<Box<RawValue>> {
        let parts = match self {
            Self::Same(params) => return params.clone(),
            Self::Filled(parts) => parts,
        };
        let mut text = String::new();
        for part in parts {
            let written = match part {
                Part::Text(part) => text.write_str(part),
                Part::Number => write!(text, "{number}"),
                Part::Uuid => write!(text, "{}", Uuid::new_v4()),
            };
            written.expect("a string takes all text");
        }
        Some(RawValue::from_string(text).expect("placeholders in strings leave the JSON valid"))
    }
}

/// Splits JSON at its placeholders.
fn parts(json: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = json;
    while let Some(start) = rest.find("{{") {
        // The quote before a placeholder opens the string, unless it is escaped.
        let is_quoted = rest[..start].ends_with('"')
            && !rest[..start - 1].ends_with('\\')
            && rest[start - 1..].starts_with(WHOLE_NUMBER);
        let is_key = || rest[start - 1 + WHOLE_NUMBER.len()..].trim_ascii_start().starts_with(':');
        let (end, length, part) = if is_quoted && !is_key() {
            (start - 1, WHOLE_NUMBER.len(), Part::Number)
        } else if rest[start..].starts_with(NUMBER) {
            (start, NUMBER.len(), Part::Number)
        } else if rest[start..].starts_with(UUID) {
            (start, UUID.len(), Part::Uuid)
        } else {
            let (text, after) = rest.split_at(start + 1);
            parts.push(Part::Text(text.to_owned()));
            rest = after;
            continue;
        };
        parts.push(Part::Text(rest[..end].to_owned()));
        parts.push(part);
        rest = &rest[end + length..];
    }
    parts.push(Part::Text(rest.to_owned()));
    parts
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;

    use super::Template;

    fn filled(params: &str, number: u64) -> String {
        let params = RawValue::from_string(params.to_owned()).unwrap();
        Template::new(Some(params)).fill(number).unwrap().get().to_owned()
    }

    #[test]
    fn a_string_that_is_the_counter_becomes_a_number() {
        assert_eq!(filled(r#"["{{n}}",{"id" : "{{n}}"}]"#, 7), r#"[7,{"id" : 7}]"#);
    }

    #[test]
    fn longer_strings_and_keys_stay_strings() {
        let params = r#"["user-{{n}}",{"{{n}}" : "{{n}} {{n}}","a":"{{n}}x"}]"#;
        assert_eq!(filled(params, 7), r#"["user-7",{"7" : "7 7","a":"7x"}]"#);
        // The quote before this placeholder belongs to the text.
        assert_eq!(filled(r#"["\"{{n}}\"","\"{{n}}"]"#, 7), r#"["\"7\"","\"7"]"#);
    }

    #[test]
    fn each_uuid_is_a_new_one() {
        let [one, other] = [1, 2].map(|number| filled(r#"["{{uuid}}"]"#, number));
        assert_ne!(one, other);
        let [uuid]: [String; 1] = serde_json::from_str(&one).unwrap();
        assert_eq!(uuid::Uuid::parse_str(&uuid).unwrap().get_version_num(), 4);
    }

    #[test]
    fn other_params_are_the_same_in_each_call() {
        for params in ["[]", r#"["{{x}}","{","{{"]"#, r#"{"a":{"b":{}}}"#, r#"["{{{n}"]"#] {
            assert_eq!(filled(params, 7), params);
        }
        assert_eq!(filled(r#"["{{{n}}"]"#, 7), r#"["{7"]"#);
        assert!(matches!(Template::new(None), Template::Same(None)));
        assert!(Template::new(None).fill(1).is_none());
    }
}
