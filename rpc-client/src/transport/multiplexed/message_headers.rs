//! The headers that travel with messages: those of requests, and those of answers.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use rpc_core::codec::{is_message_header, read_rpc_member, write_rpc_member};

/// Returns whether a header of a request can travel with its message. All others belong to the connection, and so do
/// secrets.
pub(super) fn travels((name, value): (&HeaderName, &HeaderValue)) -> bool {
    is_message_header(name) && !value.is_sensitive()
}

/// Puts the headers that travel into the first message of a request, except those of the connection's own request.
pub(super) fn write_headers(body: &Bytes, headers: &HeaderMap, of_connection: &HeaderMap) -> Bytes {
    let mut own = HeaderMap::new();
    for name in headers.keys() {
        let mut values = headers.get_all(name).iter();
        if !of_connection.contains_key(name) && values.all(|value| travels((name, value))) {
            own.extend(headers.get_all(name).iter().map(|value| (name.clone(), value.clone())));
        }
    }
    if own.is_empty() {
        return body.clone();
    }
    let mut message = Vec::with_capacity(body.len() + 64 * own.len());
    message.extend_from_slice(body);
    write_rpc_member(&mut message, &own);
    message.into()
}

/// Reads the headers of an answer whose member `rpc` is this one. An answer with a malformed member has no headers.
pub(super) fn read_headers(member: Option<&str>, message: &[u8]) -> HeaderMap {
    // Few answers have headers, so few are read for them.
    member.and_then(|_| read_rpc_member(message).ok().flatten()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::{read_headers, write_headers};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let header = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(header).collect()
    }

    #[test]
    fn only_headers_of_calls_travel_and_secrets_stay_behind() {
        let all = headers(&[
            ("content-type", "application/json"),
            ("accept", "application/json"),
            ("authorization", "Bearer secret"),
            ("cookie", "secret"),
            ("host", "a"),
            ("x-forwarded-for", "10.0.0.1"),
            ("rpc-timeout-ms", "5000"),
            ("traceparent", "00-1-2-01"),
            ("x-tenant", "say \"a\""),
        ]);
        let body = Bytes::from_static(br#"{"jsonrpc":"2.0","method":"a","id":1}"#);
        let written = write_headers(&body, &all, &HeaderMap::new());
        let expected = concat!(
            r#"{"rpc":{"rpc-timeout-ms":"5000","traceparent":"00-1-2-01","x-tenant":"say \"a\""},"#,
            r#""jsonrpc":"2.0","method":"a","id":1}"#
        );
        assert_eq!(written, expected);
    }

    #[test]
    fn first_message_of_a_batch_has_the_headers_of_all() {
        let body = Bytes::from_static(br#"[{"method":"a","id":1},{"method":"b","id":2}]"#);
        let written = write_headers(&body, &headers(&[("rpc-attempt", "2")]), &HeaderMap::new());
        assert_eq!(written, r#"[{"rpc":{"rpc-attempt":"2"},"method":"a","id":1},{"method":"b","id":2}]"#);
    }

    #[test]
    fn headers_that_the_connection_has_are_not_repeated() {
        let body = Bytes::from_static(br#"{"method":"a","id":1}"#);
        let own = headers(&[("x-tenant", "a"), ("x-region", "eu")]);
        assert_eq!(write_headers(&body, &own, &own), body);
        let written = write_headers(&body, &headers(&[("x-page", "2"), ("x-region", "eu")]), &own);
        assert_eq!(written, r#"{"rpc":{"x-page":"2"},"method":"a","id":1}"#);
        assert_eq!(write_headers(&body, &HeaderMap::new(), &own), body);
    }

    #[test]
    fn values_of_one_name_are_joined() {
        let mut own = headers(&[("x-a", "1")]);
        own.append("x-a", HeaderValue::from_static("2"));
        let body = Bytes::from_static(br#"{"id":1}"#);
        assert_eq!(write_headers(&body, &own, &HeaderMap::new()), r#"{"rpc":{"x-a":"1, 2"},"id":1}"#);
    }

    #[test]
    fn headers_of_an_answer_are_read_unless_they_are_malformed() {
        let read = |member: &str| read_headers(Some(member), format!(r#"{{"id":1,"rpc":{member}}}"#).as_bytes());
        let expected = headers(&[("rpc-refused", "all"), ("retry-after", "1")]);
        assert_eq!(read(r#"{"rpc-refused":"all","retry-after":"1"}"#), expected);
        for malformed in ["7", "[]", "null", r#""rpc-refused""#, r#"{"bad name":"x"}"#] {
            assert!(read(malformed).is_empty());
        }
        assert!(read_headers(None, br#"{"id":1}"#).is_empty());
    }
}
