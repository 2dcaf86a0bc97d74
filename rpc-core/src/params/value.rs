use serde::de::DeserializeOwned;

use super::absent::AbsentParams;
use super::problem::ParamsProblem;
use super::unread::UnreadValue;
use crate::ErrorObject;

/// Decodes params as one value: a struct, a tuple, a map, or [`Params`](super::Params) to keep them unchanged.
///
/// Absent params decode as an empty object or array, as `None` or as `()`.
///
/// # Errors
///
/// Returns -32602, with data that names the invalid parameter if known.
pub fn decode_value<T: DeserializeOwned>(raw: Option<&str>) -> Result<T, ErrorObject> {
    let decoded = match raw {
        None => T::deserialize(AbsentParams),
        Some(raw) => serde_json::from_str(raw),
    };
    decoded.map_err(|error| {
        let unread = raw.and_then(|raw| UnreadValue::of_error(raw, &error));
        let problem = match unread {
            Some(unread) => {
                let path = unread.path.trim_start_matches('.');
                ParamsProblem::invalid((!path.is_empty()).then(|| path.to_owned()), &unread.reason())
            }
            None => ParamsProblem::invalid(fault::<T>(raw, &error), &error),
        };
        problem.to_error_object()
    })
}

/// Finds the invalid parameter by decoding again while tracking the path. This is too slow for valid params.
fn fault<T: DeserializeOwned>(raw: Option<&str>, error: &serde_json::Error) -> Option<String> {
    let named = |text: &str| {
        let rest =
            ["missing field `", "unknown field `", "duplicate field `"].iter().find_map(|s| text.strip_prefix(s));
        rest.and_then(|rest| rest.split_once('`')).map(|(name, _)| name.to_owned())
    };
    let name = named(&error.to_string());
    let path = raw.and_then(|raw| {
        let mut deserializer = serde_json::Deserializer::from_str(raw);
        let path = serde_path_to_error::deserialize::<_, T>(&mut deserializer).err()?.path().clone();
        (path.iter().len() > 0).then(|| path.to_string())
    });
    match (path, name) {
        (Some(path), Some(name)) if path != name && !path.ends_with(&format!(".{name}")) => {
            Some(format!("{path}.{name}"))
        }
        (path, name) => path.or(name),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;

    use super::decode_value;
    use crate::Params;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Page {
        #[serde(default)]
        limit: u32,
        after: Option<String>,
    }

    #[derive(Debug, Deserialize)]
    struct Move {
        #[allow(dead_code)]
        to: Point,
    }

    #[derive(Debug, Deserialize)]
    struct Point {
        #[allow(dead_code)]
        x: i32,
    }

    #[track_caller]
    fn assert_fault<T: serde::de::DeserializeOwned + std::fmt::Debug>(json: &str, message: &str, data: &str) {
        let error = decode_value::<T>(Some(json)).unwrap_err();
        assert_eq!((error.code().get(), error.message(), error.data().unwrap().get()), (-32602, message, data));
    }

    #[test]
    fn absent_params_are_an_empty_structure_or_nothing() {
        assert_eq!(decode_value::<Page>(None), Ok(Page { limit: 0, after: None }));
        assert_eq!(decode_value::<()>(None), Ok(()));
        assert_eq!(decode_value::<Option<Page>>(None), Ok(None));
        assert_eq!(decode_value::<Vec<u8>>(None), Ok(vec![]));
        assert_eq!(decode_value::<BTreeMap<String, u8>>(None), Ok(BTreeMap::new()));
        assert_eq!(decode_value::<serde_json::Value>(None), Ok(serde_json::Value::Null));
        assert_eq!(decode_value::<Params>(None).unwrap().as_json(), None);
        assert!(decode_value::<(u8, u8)>(None).is_err());
    }

    #[derive(Debug, Deserialize)]
    struct Transfer {
        #[allow(dead_code)]
        to: Vec<Amount>,
    }

    #[derive(Debug, Deserialize)]
    struct Amount {
        #[allow(dead_code)]
        wei: u128,
    }

    #[test]
    fn a_number_that_is_not_read_to_its_end_is_named() {
        for number in ["1.5", "1e3", "-0.5e-7"] {
            assert_fault::<Transfer>(
                &format!("{{\n \"to\": [{{\"wei\": 1}},\n {{\"wei\": {number} }}]}}").replace("-0", "0"),
                &format!(
                    "Invalid params: parameter \"to[1].wei\": invalid type: floating point `{}`, expected an integer",
                    number.trim_start_matches('-')
                ),
                r#"{"parameter":"to[1].wei","expected":"an integer"}"#,
            );
        }
        assert_fault::<(u8, u8)>(
            "[1,2,3]",
            "Invalid params: invalid length, expected fewer elements",
            r#"{"expected":"fewer elements"}"#,
        );
    }

    #[test]
    fn the_parameter_at_fault_is_named() {
        assert_fault::<Page>(
            r#"{"limit":"x"}"#,
            r#"Invalid params: parameter "limit": invalid type: string "x", expected u32"#,
            r#"{"parameter":"limit","expected":"u32"}"#,
        );
        assert_fault::<Page>(
            r#"{"limt":1}"#,
            r#"Invalid params: parameter "limt": unknown field `limt`, expected `limit` or `after`"#,
            r#"{"parameter":"limt","expected":"limit or after"}"#,
        );
        assert_fault::<Move>(
            r#"{"to":{}}"#,
            r#"Invalid params: parameter "to.x": missing field `x`"#,
            r#"{"parameter":"to.x"}"#,
        );
        assert_fault::<(u8, u8)>(
            "[1]",
            "Invalid params: invalid length 1, expected a tuple of size 2",
            r#"{"expected":"a tuple of size 2"}"#,
        );
    }
}
