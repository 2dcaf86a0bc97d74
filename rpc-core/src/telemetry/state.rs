//! W3C `tracestate`: validates the header and passes it on byte for byte.

use std::collections::HashSet;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

/// The maximum number of members of a `tracestate`.
const MAX_MEMBERS: usize = 32;

/// The maximum size in bytes that is passed on. The specification requires at least 512.
const MAX_BYTES: usize = 2048;

/// Reads the header `tracestate`, which is passed on unchanged.
///
/// A value that violates the [grammar](https://www.w3.org/TR/trace-context/#tracestate-header) is dropped as a whole,
/// as the specification requires.
pub(super) fn read(headers: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    let value = joined(headers, name, MAX_BYTES)?;
    let mut keys = HashSet::new();
    let members = value.to_str().ok()?.split(',').map(|member| member.trim_matches([' ', '\t']));
    for member in members.filter(|member| !member.is_empty()) {
        let (key, state) = member.split_once('=')?;
        if !(is_key(key) && is_state(state) && keys.insert(key)) {
            return None;
        }
    }
    (1..=MAX_MEMBERS).contains(&keys.len()).then(|| value.clone())
}

/// Joins the values of a repeated header. Returns `None` if they are too long or missing.
pub(super) fn joined(headers: &HeaderMap, name: &HeaderName, max_bytes: usize) -> Option<HeaderValue> {
    let mut values = headers.get_all(name).iter();
    let first = values.next()?;
    let mut rest = values.peekable();
    if rest.peek().is_none() {
        return (first.len() <= max_bytes).then(|| first.clone());
    }
    let mut all = first.as_bytes().to_vec();
    for value in rest {
        all.push(b',');
        all.extend_from_slice(value.as_bytes());
        if all.len() > max_bytes {
            return None;
        }
    }
    HeaderValue::from_maybe_shared(Bytes::from(all)).ok()
}

fn is_key(key: &str) -> bool {
    let is_start = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let is_rest = |byte: &u8| is_start(byte) || b"_-*/@".contains(byte);
    (1..=256).contains(&key.len()) && key.as_bytes().first().is_some_and(is_start) && key.as_bytes().iter().all(is_rest)
}

fn is_state(state: &str) -> bool {
    let is_visible = |byte: u8| matches!(byte, b' '..=b'~') && byte != b',' && byte != b'=';
    (1..=256).contains(&state.len()) && state.bytes().all(is_visible) && !state.ends_with(' ')
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::read;

    const NAME: HeaderName = HeaderName::from_static("tracestate");

    fn read_all(values: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(NAME, HeaderValue::from_str(value).unwrap());
        }
        read(&headers, &NAME).map(|value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn a_state_is_passed_on_as_it_came() {
        for state in ["a=1", "rojo=00f067aa0ba902b7 , congo=t61rcWkgMzE", "tenant@vendor=x", "a=1,,b=2", "0a=b c"] {
            assert_eq!(read_all(&[state]).as_deref(), Some(state));
        }
        assert_eq!(read_all(&["a=1", "b=2"]).as_deref(), Some("a=1,b=2"));
        let most: Vec<_> = (0..32).map(|n| format!("k{n}=v")).collect();
        assert!(read_all(&[&most.join(",")]).is_some());
    }

    #[test]
    fn a_state_that_is_not_as_it_should_be_is_dropped_as_a_whole() {
        let long = format!("a={}", "v".repeat(257));
        let many: Vec<_> = (0..33).map(|n| format!("k{n}=v")).collect();
        for state in ["", ",", "a", "=1", "A=1", "a=1=2", "a=1,a=2", "-a=1", "a=", "é=1", &long, &many.join(",")] {
            assert_eq!(read_all(&[state]), None, "{state}");
        }
        let too_long = vec![format!("a={}", "v".repeat(250)); 9].join("x,");
        assert_eq!(read_all(&[&too_long]), None);
    }
}
