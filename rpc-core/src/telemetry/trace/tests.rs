use std::panic::catch_unwind;

use http::{HeaderMap, HeaderValue};
use proptest::prelude::*;

use super::TraceContext;

const VALID: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

fn read(value: &str) -> Option<TraceContext> {
    TraceContext::from_traceparent(value.as_bytes())
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_static(value));
    }
    headers
}

#[test]
fn a_trace_is_read_from_its_header() {
    let trace = read(VALID).unwrap();
    assert_eq!(trace.trace_id().to_string(), "4bf92f3577b34da6a3ce929d0e0e4736");
    assert_eq!(trace.span_id().to_string(), "00f067aa0ba902b7");
    assert!(trace.is_sampled());
    assert!(!read(&VALID.replace("-01", "-00")).unwrap().is_sampled());
}

#[test]
fn a_later_version_is_read_as_far_as_it_is_known_and_written_as_ours() {
    let later = read("cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-ff-what.comes.next").unwrap();
    assert_eq!(later.traceparent(), "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-03");
    assert!(read("01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01").is_some());
}

#[test]
fn what_is_no_traceparent_is_no_trace() {
    for value in [
        "",
        "00",
        "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-",
        "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01 ",
        "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01x",
        "00_4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473-600f067aa0ba902b7-01",
        "0g-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    ] {
        assert_eq!(read(value), None, "{value}");
    }
    assert_eq!(TraceContext::from_headers(&headers(&[("traceparent", VALID), ("traceparent", VALID)])), None);
    assert_eq!(TraceContext::from_headers(&headers(&[("tracestate", "a=1")])), None);
}

#[test]
fn state_and_baggage_are_passed_on_with_the_trace() {
    let request = headers(&[("traceparent", VALID), ("tracestate", "a=1"), ("baggage", "tenant=7;p, b=%C3%A4")]);
    let trace = TraceContext::from_headers(&request).unwrap();
    assert_eq!(trace.baggage("tenant").as_deref(), Some("7"));
    assert_eq!(trace.baggage("b").as_deref(), Some("ä"));
    let child = trace.child();
    assert_ne!(child.span_id(), trace.span_id());
    let mut sent = HeaderMap::new();
    child.write(&mut sent);
    assert_eq!((&sent["tracestate"], &sent["baggage"]), (&request["tracestate"], &request["baggage"]));
    assert_eq!(TraceContext::from_headers(&sent), Some(child));
}

#[test]
fn baggage_without_a_trace_goes_with_a_new_one_and_state_does_not() {
    let trace = TraceContext::new().with_baggage_of(&headers(&[("tracestate", "a=1"), ("baggage", "b=2")]));
    let mut sent = headers(&[("tracestate", "of=another"), ("baggage", "set=by-hand")]);
    trace.write(&mut sent);
    assert_eq!(sent.get("tracestate"), None);
    assert_eq!(sent["baggage"], "b=2");
    TraceContext::new().write(&mut sent);
    assert_eq!(sent["baggage"], "b=2");
}

#[test]
fn a_trace_is_current_while_it_is_entered_whatever_the_end() {
    let (outer, inner) = (TraceContext::new(), TraceContext::new());
    outer.enter(|| {
        assert!(catch_unwind(|| inner.enter(|| -> () { panic!("of the handler") })).is_err());
        assert_eq!(inner.enter(TraceContext::current).as_ref(), Some(&inner));
        assert_eq!(TraceContext::current().as_ref(), Some(&outer));
    });
    assert_eq!(TraceContext::current(), None);
}

#[test]
fn what_is_printed_has_no_baggage() {
    let trace = TraceContext::new().with_baggage("token", "secret").unwrap();
    assert!(!format!("{trace:?}").contains("secret"));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(trace_id in 1u128.., span_id in 1u64.., flags in 0u8..4) {
        let text = format!("00-{trace_id:032x}-{span_id:016x}-{flags:02x}");
        prop_assert_eq!(read(&text).unwrap().traceparent(), text);
    }

    #[test]
    fn what_is_read_of_any_bytes_is_what_they_say(value in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Some(trace) = TraceContext::from_traceparent(&value) {
            let written = trace.traceparent();
            prop_assert_eq!(&value[3..52], &written.as_bytes()[3..52]);
        }
    }

    #[test]
    fn a_traceparent_with_another_letter_is_read_only_if_the_grammar_allows(place in 0usize..55, letter in any::<u8>()) {
        let mut value = VALID.as_bytes().to_vec();
        value[place] = letter;
        let is_hyphen = [2, 35, 52].contains(&place);
        let is_hex = letter.is_ascii_digit() || (b'a'..=b'f').contains(&letter);
        // One different digit never makes an id zero, but a version such as 0f is a later one.
        let allowed = if is_hyphen { letter == b'-' } else { is_hex };
        prop_assert_eq!(TraceContext::from_traceparent(&value).is_some(), allowed);
    }

    #[test]
    fn every_new_trace_and_child_can_be_sent(_ in 0..50) {
        let trace = TraceContext::new();
        let child = trace.child();
        prop_assert_eq!(child.trace_id(), trace.trace_id());
        prop_assert_eq!(TraceContext::from_traceparent(child.traceparent().as_bytes()), Some(child));
    }
}
