//! The member `rpc` of messages: what travels in headers over HTTP. `docs/wire.md`, "Streams".

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};

/// Returns whether a header of a request can travel with its message. All others belong to the connection, and so do
/// credentials, which servers check once per connection, and the headers of proxies.
pub(super) fn travels((name, value): (&HeaderName, &HeaderValue)) -> bool {
    let name = name.as_str();
    let is_of_proxy = name.starts_with("x-forwarded-") || name == "x-real-ip";
    let may_travel = name.starts_with("rpc-")
        || (name.starts_with("x-") && !is_of_proxy)
        || matches!(name, "traceparent" | "tracestate" | "baggage" | "idempotency-key" | "accept-language");
    may_travel && !value.is_sensitive()
}

/// Puts the headers that travel into the first message of a request, except those of the connection's own request.
pub(super) fn write_headers(body: &Bytes, headers: &HeaderMap, of_connection: &HeaderMap) -> Bytes {
    let mut members = BTreeMap::new();
    for name in headers.keys() {
        if of_connection.contains_key(name) || !headers.get_all(name).iter().all(|value| travels((name, value))) {
            continue;
        }
        // Values that are not text cannot travel in JSON.
        let values: Vec<_> = headers.get_all(name).iter().filter_map(|value| value.to_str().ok()).collect();
        if !values.is_empty() {
            members.insert(name.as_str(), values.join(", "));
        }
    }
    let Some(brace) = body.iter().position(|byte| *byte == b'{').filter(|_| !members.is_empty()) else {
        return body.clone();
    };
    let mut message = Vec::with_capacity(body.len() + 64 * members.len());
    message.extend_from_slice(&body[..=brace]);
    message.extend_from_slice(br#""rpc":"#);
    serde_json::to_writer(&mut message, &members).expect("a vector takes any text");
    message.push(b',');
    message.extend_from_slice(&body[brace + 1..]);
    message.into()
}

/// Reads the member of a response. Members that cannot be headers are skipped.
pub(super) fn read_headers(member: Option<&str>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let members = member.and_then(|json| serde_json::from_str::<BTreeMap<Cow<'_, str>, serde_json::Value>>(json).ok());
    for (name, value) in members.into_iter().flatten() {
        let name = HeaderName::from_bytes(name.as_bytes());
        let value = value.as_str().map(HeaderValue::from_str);
        if let (Ok(name), Some(Ok(value))) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
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
    fn headers_of_a_response_are_read_and_others_are_skipped() {
        let read = read_headers(Some(r#"{"rpc-refused":"all","retry-after":"1","bad name":"x","x-n":7,"x-l":"a\nb"}"#));
        assert_eq!(read, headers(&[("rpc-refused", "all"), ("retry-after", "1")]));
        for none in [None, Some("7"), Some("[]"), Some("null"), Some("\"rpc-refused\"")] {
            assert!(read_headers(none).is_empty());
        }
    }
}
