//! The member `rpc` of messages on sessions. It has what travels in headers over HTTP. The server reads it in requests
//! and writes it in answers, and a client does the reverse.

use std::borrow::Cow;
use std::collections::BTreeMap;

use http::header::{ACCEPT_LANGUAGE, HeaderMap, HeaderName, HeaderValue};
use serde_json::value::RawValue;

use super::request::write_string;
use super::scan::{NotJson, Scanner};
use crate::headers::IDEMPOTENCY_KEY;

/// The name of the member.
const NAME: &str = "rpc";

/// How many headers the member may have. The map that holds headers panics beyond 24,576.
const MOST: usize = 100;

/// Reads the headers in the member `rpc` of a message, or of the first message of a batch. Text that is not JSON has
/// no headers.
///
/// # Errors
///
/// Returns what is wrong with the member.
pub fn read_rpc_member(message: &[u8]) -> Result<Option<HeaderMap>, String> {
    let Ok(text) = std::str::from_utf8(message) else { return Ok(None) };
    let (mut found, mut is_doubled) = (None, false);
    let take = |is_found, value| {
        if is_found {
            is_doubled |= found.replace(value).is_some();
        }
    };
    let _ = each_member(text, |name| name == NAME, take);
    match found {
        _ if is_doubled => Err("a message must not have the member `rpc` twice".to_owned()),
        None => Ok(None),
        Some(member) => headers(member).map(Some),
    }
}

/// Returns whether a message, or the first message of a batch, is a response: it has a result or an error, and no
/// method.
pub fn is_response(message: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(message) else { return false };
    let (mut is_request, mut has_outcome) = (false, false);
    let names = |name: &str| (name == "method", matches!(name, "result" | "error"));
    let read = each_member(text, names, |(is_method, is_outcome), _| {
        is_request |= is_method;
        has_outcome |= is_outcome;
    });
    read.is_ok() && has_outcome && !is_request
}

/// Writes headers into a message, or into the first message of a batch, as its member `rpc`. Several values of a header
/// are joined by commas. Values that are not UTF-8 are left out, since JSON cannot have them.
///
/// The text must begin with an object that has members, or with an array of such objects. Other text stays unchanged.
pub fn write_rpc_member(message: &mut Vec<u8>, headers: &HeaderMap) {
    let Some(start) = message.iter().position(|byte| *byte == b'{').map(|open| open + 1) else { return };
    if !message[start..].trim_ascii_start().starts_with(b"\"") {
        return;
    }
    let mut member = Vec::with_capacity(64);
    member.extend_from_slice(br#""rpc":{"#);
    let mut is_first = true;
    for name in headers.keys() {
        let values = headers.get_all(name).iter().filter_map(|value| std::str::from_utf8(value.as_bytes()).ok());
        let values: Vec<&str> = values.collect();
        if values.is_empty() {
            continue;
        }
        if !std::mem::take(&mut is_first) {
            member.push(b',');
        }
        write_string(name.as_str(), &mut member);
        member.push(b':');
        write_string(&values.join(", "), &mut member);
    }
    if is_first {
        return;
    }
    member.extend_from_slice(b"},");
    message.splice(start..start, member);
}

/// Returns whether a message may set this header. All others belong to the connection.
pub fn is_message_header(name: &HeaderName) -> bool {
    let text = name.as_str();
    let of_trace = matches!(text, "traceparent" | "tracestate" | "baggage");
    let of_proxies = text.starts_with("x-forwarded-") || text == "x-real-ip";
    of_trace
        || text.starts_with("rpc-")
        || (text.starts_with("x-") && !of_proxies)
        || *name == IDEMPOTENCY_KEY
        || *name == ACCEPT_LANGUAGE
}

/// Calls back with each member of a message, or of the first message of a batch. Stops at its end.
fn each_member<'a, N>(
    text: &'a str,
    name: impl Fn(&str) -> N,
    mut take: impl FnMut(N, &'a str),
) -> Result<(), NotJson> {
    let start = text.len() - text.trim_start().len();
    let first = match text[start..].strip_prefix('[') {
        Some(rest) => rest,
        None => &text[start..],
    };
    let mut scanner = Scanner::new(first);
    scanner.members(b'{', b'}', |scanner| {
        let name = scanner.name(&name)?;
        take(name, scanner.value()?);
        Ok(())
    })
}

fn headers(member: &str) -> Result<HeaderMap, String> {
    let read: BTreeMap<Cow<'_, str>, &RawValue> =
        serde_json::from_str(member).map_err(|_| "the member `rpc` must be an object".to_owned())?;
    if read.len() > MOST {
        return Err(format!("the member `rpc` has more than {MOST} headers"));
    }
    let mut headers = HeaderMap::with_capacity(read.len());
    for (name, value) in read {
        let is_lower = !name.bytes().any(|byte| byte.is_ascii_uppercase());
        let header = HeaderName::try_from(&*name).ok().filter(|_| is_lower);
        let header = header.ok_or_else(|| format!("`{}` in the member `rpc` is no header", shown(&name)))?;
        let value: Option<String> = serde_json::from_str(value.get()).ok();
        let value = value.and_then(|value| HeaderValue::try_from(value).ok());
        let value = value.ok_or_else(|| format!("`{header}` in the member `rpc` must be a string for a header"))?;
        headers.insert(header, value);
    }
    Ok(headers)
}

/// Returns the beginning of a name from outside, without what would break a line.
fn shown(name: &str) -> String {
    name.chars().filter(|char| !char.is_control()).take(40).collect()
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{is_message_header, is_response, read_rpc_member, write_rpc_member};

    fn read(message: &str) -> Result<Vec<(String, String)>, String> {
        let text = |(name, value): (&HeaderName, &HeaderValue)| (name.to_string(), value.to_str().unwrap().to_owned());
        Ok(read_rpc_member(message.as_bytes())?.iter().flatten().map(text).collect())
    }

    #[test]
    fn first_message_of_a_batch_has_the_headers_of_all() {
        let expected = Ok(vec![("rpc-timeout-ms".to_owned(), "20".to_owned())]);
        for message in [
            r#"{"jsonrpc":"2.0","method":"a","rpc":{"rpc-timeout-ms":"20"}}"#,
            r#" [ {"rpc" : {"rpc-timeout-ms":"\u0032\u0030"}},{"rpc":{"x-other":"1"}}]"#,
        ] {
            assert_eq!(read(message), expected);
        }
        for without in [r#"{"method":"rpc"}"#, r#"{"params":{"rpc":{"a":"b"}}}"#, r#"{"rpc""#, "[", ""] {
            assert_eq!(read(without), Ok(vec![]), "{without}");
        }
    }

    #[test]
    fn malformed_members_are_named() {
        for (message, reason) in [
            (r#"{"rpc":[]}"#, "must be an object"),
            (r#"{"rpc":{"rpc-timeout-ms":20}}"#, "`rpc-timeout-ms` in the member `rpc` must be a string"),
            (r#"{"rpc":{"x-a":"\n"}}"#, "`x-a` in the member `rpc` must be a string"),
            (r#"{"rpc":{"X-A":"1"}}"#, "`X-A` in the member `rpc` is no header"),
            (r#"{"rpc":{"a b":"1"}}"#, "`a b` in the member `rpc` is no header"),
            (r#"{"rpc":{},"rpc":{}}"#, "twice"),
        ] {
            let error = read(message).unwrap_err();
            assert!(error.contains(reason), "{error}");
        }
    }

    #[test]
    fn member_has_a_most_of_headers() {
        let member = |count: usize| {
            let headers: Vec<_> = (0..count).map(|n| format!(r#""x-{n}":"1""#)).collect();
            format!(r#"{{"rpc":{{{}}}}}"#, headers.join(","))
        };
        assert_eq!(read(&member(100)).unwrap().len(), 100);
        for count in [101, 30_000] {
            assert_eq!(read(&member(count)).unwrap_err(), "the member `rpc` has more than 100 headers");
        }
    }

    #[test]
    fn headers_are_written_where_they_are_read() {
        let mut headers = HeaderMap::new();
        headers.insert("retry-after", HeaderValue::from_static("1"));
        headers.append("x-a", HeaderValue::from_static("\"1\""));
        headers.append("x-a", HeaderValue::from_static("2"));
        headers.append("x-b", HeaderValue::from_bytes(b"\xff").unwrap());
        for text in [r#"{"id":1}"#, r#"[{"id":1},{"id":2}]"#] {
            let mut message = text.as_bytes().to_vec();
            write_rpc_member(&mut message, &headers);
            let message = String::from_utf8(message).unwrap();
            assert_eq!(message, text.replacen('{', r#"{"rpc":{"retry-after":"1","x-a":"\"1\", 2"},"#, 1));
            assert_eq!(read(&message).unwrap().len(), 2);
        }
        for unchanged in ["", "[]", "{}", "1"] {
            let mut message = unchanged.as_bytes().to_vec();
            write_rpc_member(&mut message, &headers);
            assert_eq!(message, unchanged.as_bytes());
        }
        let mut message = b"{\"id\":1}".to_vec();
        write_rpc_member(&mut message, &HeaderMap::new());
        assert_eq!(message, b"{\"id\":1}");
    }

    #[test]
    fn headers_of_the_connection_are_not_those_of_a_message() {
        for (name, expected) in [
            ("rpc-timeout-ms", true),
            ("traceparent", true),
            ("idempotency-key", true),
            ("accept-language", true),
            ("x-tenant", true),
            ("x-forwarded-for", false),
            ("x-real-ip", false),
            ("authorization", false),
            ("cookie", false),
            ("host", false),
            ("forwarded", false),
        ] {
            assert_eq!(is_message_header(&HeaderName::from_static(name)), expected, "{name}");
        }
    }

    #[test]
    fn response_has_an_outcome_and_no_method() {
        for (message, expected) in [
            (r#"{"jsonrpc":"2.0","result":1,"id":1}"#, true),
            (r#"[{"error":{},"id":1}]"#, true),
            (r#"{"method":"a","result":1}"#, false),
            (r#"{"id":1}"#, false),
            (r#"{"result":1"#, false),
            ("1", false),
        ] {
            assert_eq!(is_response(message.as_bytes()), expected, "{message}");
        }
    }
}
