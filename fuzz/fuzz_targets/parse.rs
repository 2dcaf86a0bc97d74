//! Any bytes: parsed as a request and as an answer, and sent through a whole server.
//!
//! Run with: cargo +nightly fuzz run parse
#![no_main]
#![forbid(unsafe_code)]

use std::cell::LazyCell;
use std::sync::Arc;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use rpc::{Params, RequestContext, Server};
use rpc_core::codec::{ParseError, ParseLimits, parse, parse_replies, parse_reply};
use rpc_core::{Answer, AnswerStatus, Dispatch, Packet};
use serde_json::value::RawValue;
use tokio::runtime::{Builder, Runtime};

thread_local! {
    static SERVER: LazyCell<(Server, Runtime)> = LazyCell::new(|| {
        let server = Server::builder()
            .method("a", || async {})
            .method("b", |params: Params| async { params })
            .method("c", |numbers: Vec<f64>| async { numbers })
            .method("d", |(a, b): (i8, Option<String>)| async move { (a, b) })
            .build();
        // The clock bounds handlers; none of these waits, so it is never asked.
        let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime starts");
        (server, runtime)
    });
}

fuzz_target!(|bytes: &[u8]| {
    requests_are_json_where_serde_json_says_so(bytes);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let _ = parse_reply(text);
        let _ = parse_replies(text);
    }
    let answer = SERVER.with(|server| {
        let (server, runtime) = &**server;
        runtime.block_on(server.dispatch(Bytes::copy_from_slice(bytes), Arc::new(RequestContext::default())))
    });
    answers_are_answers(&answer);
});

fn requests_are_json_where_serde_json_says_so(bytes: &[u8]) {
    let is_json = || serde_json::from_slice::<&RawValue>(bytes).is_ok();
    let mut limits = ParseLimits::default();
    limits.max_entries = 8;
    match parse(bytes, &limits) {
        Ok(Packet::Single(_)) => assert!(is_json()),
        Ok(Packet::Batch(entries)) => assert!(is_json() && (1..=8).contains(&entries.len())),
        Err(ParseError::EmptyBatch) => assert!(is_json()),
        Err(ParseError::TooManyEntries { .. }) => {}
        Err(ParseError::NotJson(_)) => assert!(!is_json()),
    }
}

/// Whatever is answered reads as an answer, and says of itself how it went.
fn answers_are_answers(answer: &Answer) {
    let text = std::str::from_utf8(&answer.body).expect("answers are UTF-8");
    match answer.status {
        AnswerStatus::Success if text.is_empty() => {}
        AnswerStatus::Batch { failures } if text.is_empty() => assert_eq!(failures, 0),
        AnswerStatus::Success => {
            let reply = parse_reply(text).expect("an answer is JSON");
            assert!(reply.id.is_some() && matches!(reply.outcome, Ok(Ok(_))), "{text}");
        }
        AnswerStatus::Error(code) => {
            let reply = parse_reply(text).expect("an answer is JSON");
            let error = reply.outcome.expect("an answer has an outcome").expect_err("the outcome is an error");
            assert!(reply.id.is_some() && error.code() == code, "{text}");
        }
        AnswerStatus::Batch { failures } => {
            let replies = parse_replies(text).expect("an answer is JSON");
            assert!(!replies.is_empty() && replies.iter().all(|reply| reply.id.is_some() && reply.outcome.is_ok()));
            assert_eq!(replies.iter().filter(|reply| matches!(reply.outcome, Ok(Err(_)))).count(), failures, "{text}");
        }
        other => panic!("a server that does nothing else answers {other:?}"),
    }
}
