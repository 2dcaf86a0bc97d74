//! Parses the header `Idempotency-Key` of the IETF draft. `keys` uses it, and handles the framework's own header.

use http::HeaderMap;
use rpc_core::headers::IDEMPOTENCY_KEY;

/// The maximum length of a key, in characters.
const MAX_KEY: usize = 255;

/// Reads the key of the header `Idempotency-Key`: a string of
/// [structured fields](https://www.rfc-editor.org/rfc/rfc9651#name-strings), in quotes, of 1 to 255 characters. Returns
/// `None` if the key is missing or invalid, or if there are several.
pub(super) fn read(headers: &HeaderMap) -> Option<String> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let (Some(value), None) = (values.next(), values.next()) else { return None };
    let quoted = value.as_bytes().strip_prefix(b"\"")?.strip_suffix(b"\"")?;
    let mut key = String::with_capacity(quoted.len());
    let mut bytes = quoted.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'\\' => key.push(char::from(*bytes.next().filter(|byte| matches!(byte, b'"' | b'\\'))?)),
            b'"' => return None,
            b' '..=b'~' => key.push(char::from(byte)),
            _ => return None,
        }
    }
    (1..=MAX_KEY).contains(&key.len()).then_some(key)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderValue};
    use rpc_core::headers::IDEMPOTENCY_KEY;

    #[test]
    fn a_key_is_one_quoted_string() {
        let read = |value: &str| {
            let value = HeaderValue::from_str(value).unwrap();
            super::read(&HeaderMap::from_iter([(IDEMPOTENCY_KEY, value)]))
        };
        assert_eq!(read(r#""8e03978e""#).as_deref(), Some("8e03978e"));
        assert_eq!(read(r#""a \"b\" \\""#).as_deref(), Some(r#"a "b" \"#));
        assert_eq!(read(&format!("\"{}\"", "k".repeat(255))).map(|key| key.len()), Some(255));
        for other in ["", "a", "\"", "\"\"", "\"a", r#""a"b""#, r#""a\""#, r#""a\b""#, r#""a";p=1"#, "\"\t\""] {
            assert_eq!(read(other), None, "{other}");
        }
        assert_eq!(read(&format!("\"{}\"", "k".repeat(256))), None);
    }

    #[test]
    fn two_keys_are_none() {
        let mut headers = HeaderMap::new();
        headers.append(IDEMPOTENCY_KEY, HeaderValue::from_static("\"a\""));
        headers.append(IDEMPOTENCY_KEY, HeaderValue::from_static("\"a\""));
        assert_eq!(super::read(&headers), None);
    }
}
