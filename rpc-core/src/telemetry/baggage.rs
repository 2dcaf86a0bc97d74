//! W3C baggage: reads the header, finds a value, and adds a member. Unchanged baggage is passed on byte for byte.

use std::borrow::Cow;
use std::fmt::Write;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::state::joined;

/// The maximum size in bytes of baggage that is passed on. The specification requires this size.
const MAX_BYTES: usize = 8192;

/// Reads the header [`baggage`](https://www.w3.org/TR/baggage/), which is passed on unchanged. Unreadable baggage is
/// dropped.
pub(super) fn read(headers: &HeaderMap, name: &HeaderName) -> Option<HeaderValue> {
    joined(headers, name, MAX_BYTES).filter(|value| value.to_str().is_ok_and(|text| members(text).next().is_some()))
}

/// Returns the value of a key.
pub(super) fn find<'b>(baggage: &'b HeaderValue, key: &str) -> Option<Cow<'b, str>> {
    let (_, value) = members(baggage.to_str().ok()?).find(|(found, _)| *found == key)?;
    decode(value)
}

/// Adds a member. It replaces a member with the same key. Returns `None` if the key is not a token or the baggage would
/// be too large.
pub(super) fn with(baggage: Option<&HeaderValue>, key: &str, value: &str) -> Option<HeaderValue> {
    if key.is_empty() || !key.bytes().all(is_token) {
        return None;
    }
    let mut text = String::new();
    let old = baggage.and_then(|baggage| baggage.to_str().ok()).unwrap_or_default();
    for member in old.split(',').filter(|member| pair(member).is_some_and(|(found, _)| found != key)) {
        text.push_str(member.trim());
        text.push(',');
    }
    text.push_str(key);
    text.push('=');
    for byte in value.bytes() {
        if is_plain(byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    if text.len() > MAX_BYTES { None } else { HeaderValue::from_maybe_shared(Bytes::from(text)).ok() }
}

/// Returns keys and values. Properties after a semicolon are ignored.
fn members(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(',').filter_map(pair)
}

fn pair(member: &str) -> Option<(&str, &str)> {
    let (key, value) = member.split(';').next()?.split_once('=')?;
    let (key, value) = (key.trim(), value.trim());
    (!key.is_empty() && key.bytes().all(is_token)).then_some((key, value))
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Returns whether a byte needs no escape in a value.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\",;\\%".contains(&byte)
}

fn decode(value: &str) -> Option<Cow<'_, str>> {
    if !value.contains('%') {
        return Some(Cow::Borrowed(value));
    }
    let mut bytes = Vec::with_capacity(value.len());
    let mut rest = value.as_bytes();
    while let [first, tail @ ..] = rest {
        let escaped = if *first == b'%' { tail.split_at_checked(2) } else { None };
        let escaped = escaped.filter(|(digits, _)| digits.iter().all(u8::is_ascii_hexdigit));
        let byte = escaped.and_then(|(digits, _)| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = byte.and(escaped).map_or(tail, |(_, tail)| tail);
    }
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use proptest::prelude::*;

    use super::{find, with};

    #[test]
    fn a_value_is_found_by_its_key_without_its_properties() {
        let baggage = HeaderValue::from_static("userId=alice ;p=1, server%20node=DF%2028;q,broken, x = 1=2");
        assert_eq!(find(&baggage, "userId").as_deref(), Some("alice"));
        assert_eq!(find(&baggage, "server%20node").as_deref(), Some("DF 28"));
        assert_eq!(find(&baggage, "x").as_deref(), Some("1=2"));
        assert_eq!(find(&baggage, "broken"), None);
    }

    #[test]
    fn a_member_replaces_one_of_its_key_and_keeps_the_others() {
        let baggage = HeaderValue::from_static("a=1;p, b=2");
        let replaced = with(Some(&baggage), "b", "x, y").unwrap();
        assert_eq!(replaced, "a=1;p,b=x%2C%20y");
        assert_eq!(with(None, "no token", "1"), None);
        assert_eq!(with(None, "", "1"), None);
        assert_eq!(with(None, "a", &"v".repeat(8191)), None);
    }

    proptest! {
        #[test]
        fn any_value_comes_back_as_it_was_put_in(value in ".{0,40}", other in "[a-z]{1,8}") {
            let baggage = with(None, "key", &value).unwrap();
            let baggage = with(Some(&baggage), &format!("{other}-"), "1").unwrap();
            prop_assert_eq!(find(&baggage, "key").unwrap(), value);
        }
    }
}
