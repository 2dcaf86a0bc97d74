use std::borrow::Cow;
use std::fmt::{Display, Write};

use serde::Serialize;

use super::shape::MemberNames;
use crate::{ErrorCode, ErrorObject};

/// A problem with the params.
#[derive(Debug)]
pub(super) enum ParamsProblem {
    Missing { parameter: String, expected: String },
    Unknown { parameter: String, known: MemberNames },
    Twice { parameter: String },
    TooMany { given: usize, known: usize },
    Invalid { parameter: Option<String>, reason: String },
}

/// The `data` of an answer with -32602. Names in `expected` have no quotes, because it is itself a string.
#[derive(Serialize)]
struct InvalidParamsData<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expected: Option<&'a str>,
}

impl ParamsProblem {
    pub(super) fn invalid(parameter: Option<String>, error: &impl Display) -> Self {
        Self::Invalid { parameter, reason: without_position(error) }
    }

    /// Makes the error that answers the call. Quotes from the request are cut, so that the answer stays small.
    pub(super) fn to_error_object(&self) -> ErrorObject {
        match self {
            Self::Missing { parameter, expected } => {
                object(&format!("missing parameter {parameter:?}"), Some(parameter), Some(expected))
            }
            Self::Unknown { parameter, known } => {
                let parameter = &*cut(parameter);
                let problem = format!("unknown parameter {parameter:?}, expected {}", list(*known, Some('"')));
                object(&problem, Some(parameter), Some(&list(*known, None)))
            }
            Self::Twice { parameter } => {
                object(&format!("parameter {parameter:?} is given twice"), Some(parameter), Some("one value"))
            }
            Self::TooMany { given, known } => {
                let expected = match known {
                    0 => "no parameters".to_owned(),
                    1 => "at most 1 parameter".to_owned(),
                    known => format!("at most {known} parameters"),
                };
                let given = if *given == 1 { "1 parameter is".to_owned() } else { format!("{given} parameters are") };
                object(&format!("{given} given, expected {expected}"), None, Some(&expected))
            }
            Self::Invalid { parameter, reason } => {
                // serde words its own errors like this. The errors of types have no such part.
                let (found, expected) = match reason.rsplit_once(", expected ") {
                    Some((found, expected)) => (cut(found), Some(cut(expected))),
                    None => (cut(reason), None),
                };
                let parameter = parameter.as_deref().map(cut);
                let mut problem = parameter.as_ref().map_or_else(String::new, |name| format!("parameter {name:?}: "));
                problem.push_str(&found);
                if let Some(expected) = &expected {
                    let _ = write!(problem, ", expected {expected}");
                }
                // serde puts names between backticks.
                let expected = expected.map(|expected| expected.replace('`', ""));
                object(&problem, parameter.as_deref(), expected.as_deref())
            }
        }
    }
}

fn object(problem: &str, parameter: Option<&str>, expected: Option<&str>) -> ErrorObject {
    let code = ErrorCode::INVALID_PARAMS;
    ErrorObject::new(code, format!("{}: {problem}", code.message()))
        .with_data(&InvalidParamsData { parameter, expected })
}

fn cut(text: &str) -> Cow<'_, str> {
    const MAX_CHARS: usize = 200;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => text.into(),
    }
}

/// Lists names, with or without quotes.
fn list(names: MemberNames, quote: Option<char>) -> String {
    let mut text = match names.len() {
        0 => return "no parameters".to_owned(),
        1 => String::new(),
        _ => "one of ".to_owned(),
    };
    for index in 0..names.len() {
        let comma = if index == 0 { "" } else { ", " };
        text.push_str(comma);
        text.extend(quote);
        text.push_str(names.get(index).unwrap_or_default());
        text.extend(quote);
    }
    text
}

/// Removes the position that `serde_json` appends. It counts from the params' first byte, which does not help a caller
/// that sent a whole request.
fn without_position(error: &impl Display) -> String {
    let mut text = error.to_string();
    if let Some((head, tail)) = text.rsplit_once(" at line ")
        && tail.split_once(" column ").is_some_and(|(line, column)| is_number(line) && is_number(column))
    {
        text.truncate(head.len());
    }
    text
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
