use super::{ParseError, ParseLimits, parse};
use crate::{Message, Packet};

const LIMITS: ParseLimits = ParseLimits { max_entries: 4, max_id_bytes: 8, max_method_bytes: 10 };

fn single(body: &str) -> Message<'_> {
    match parse(body.as_bytes(), &LIMITS) {
        Ok(Packet::Single(message)) => message,
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_invalid(body: &str, id: &str) {
    match single(body) {
        Message::Invalid(invalid) => assert_eq!(invalid.id.as_json(), id, "{body}"),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_invalid_because(body: &str, reason: &str) {
    match single(body) {
        Message::Invalid(invalid) => assert_eq!(invalid.reason, reason, "{body}"),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_request_without_id_is_a_notification_and_with_null_id_a_call() {
    assert!(matches!(single(r#"{"jsonrpc":"2.0","method":"a"}"#), Message::Notification(_)));
    assert!(matches!(single(r#"{"jsonrpc":"2.0","method":"a","id":null}"#), Message::Call(id, _) if id.is_null()));
}

#[test]
fn members_may_be_escaped_spread_and_unknown() {
    let body =
        " { \"\\u006dethod\" : \"\\u0061\" ,\n\"id\":1, \"jsonrpc\":\"\\u0032.0\", \"x\":1e999, \"\\ud800\":{} } ";
    let Message::Call(id, request) = single(body) else { panic!("{body}") };
    assert_eq!((id.as_json(), &*request.method, request.params), ("1", "a", None));
}

#[test]
fn an_invalid_request_keeps_its_id_where_it_has_one_to_trust() {
    assert_invalid(r#"{"method":"a","id":7}"#, "7");
    assert_invalid(r#"{"jsonrpc":"2.0","id":7}"#, "7");
    assert_invalid(r#"{"jsonrpc":"2.0","method":"a","params":1,"id":7}"#, "7");
    assert_invalid(r#"{"jsonrpc":"2.0","method":"a","method":"a","id":7}"#, "7");
    assert_invalid(r#"{"jsonrpc":"2.0","method":"\ud800","id":7}"#, "7");
    assert_invalid(r#"{"jsonrpc":"2.0","method":"a","id":7,"id":7}"#, "null");
    assert_invalid(r#"{"jsonrpc":"2.0","id":7,"id":7,"method":"a","method":"a"}"#, "null");
    assert_invalid(r#"{"jsonrpc":"2.0","method":"a","id":[7]}"#, "null");
    assert_invalid("17", "null");
    assert_invalid("1e999", "null");
}

#[test]
fn ids_are_taken_up_to_their_limit_and_not_sent_back_beyond_it() {
    let with = |id: &str| format!(r#"{{"jsonrpc":"2.0","method":"a","id":{id}}}"#);
    for id in ["12345678", "\"12345678\"", r#""123456\"""#, "\"1234ßß\""] {
        assert!(matches!(single(&with(id)), Message::Call(taken, _) if taken.as_json() == id), "{id}");
    }
    for id in ["123456789", "1.2345e67", "\"123456789\"", r#""1234567\"""#, "\"12345ßß\"", r#""\u00411234""#] {
        assert_invalid(&with(id), "null");
    }
    assert_invalid_because(&with("[1,2,3,4,5]"), "id must be a string, a number or null");
    assert_invalid_because(&with("123456789"), "id is longer than this server takes");
}

#[test]
fn names_of_methods_are_taken_up_to_their_limit() {
    let with = |method: &str| format!(r#"{{"jsonrpc":"2.0","method":{method},"id":1}}"#);
    for method in ["\"ten.bytes!\"", r#""a.\u0061.b""#, "\"a\""] {
        assert!(matches!(single(&with(method)), Message::Call(..)), "{method}");
    }
    for method in ["\"more.bytes!\"", r#""\u0061\u0062""#] {
        assert_invalid(&with(method), "1");
        assert_invalid_because(&with(method), "member \"method\" is longer than this server takes");
    }
    assert_invalid_because(&with("[1,2,3,4,5,6]"), "member \"method\" must be a string");
}

#[test]
fn only_params_count_for_depth() {
    let with = |member: &str, levels: usize| {
        let deep = "[".repeat(levels) + &"]".repeat(levels);
        format!(r#"{{"jsonrpc":"2.0","method":"a","id":1,"{member}":{deep}}}"#)
    };
    assert!(matches!(single(&with("params", 127)), Message::Call(..)));
    assert_invalid(&with("params", 128), "1");
    assert!(matches!(single(&with("other", 10_000)), Message::Call(..)));
}

#[test]
fn entries_are_counted_while_parsing() {
    assert!(matches!(parse(b"[1,1,1,1]", &LIMITS), Ok(Packet::Batch(entries)) if entries.len() == 4));
    assert!(matches!(parse(b"[1,1,1,1,1", &LIMITS), Err(ParseError::TooManyEntries { limit: 4 })));
    assert!(matches!(parse(b" [ ] ", &LIMITS), Err(ParseError::EmptyBatch)));
    assert!(matches!(parse(b"[1e999,1,1,1,1]", &LIMITS), Err(ParseError::TooManyEntries { limit: 4 })));
}

#[test]
fn a_batch_with_a_broken_end_is_no_batch() {
    for body in [&b"[1,1"[..], b"[1] 1", b"[1,]", b"[1]\x0c", b"\xef\xbb\xbf[1]", b"[\"\xff\"]", b""] {
        assert!(matches!(parse(body, &LIMITS), Err(ParseError::NotJson(_))), "{body:?}");
    }
}
