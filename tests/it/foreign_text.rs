//! A server's texts in logs: no control characters, and at most a kilobyte of each text.

use std::error::Error as StdError;
use std::fmt::Display;
use std::sync::{Arc, Mutex};

use rpc::{ErrorObject, RpcError};
use serde::Deserialize;
use serde_json::{Value, json};
use support::{Answer, Peer, Received, http, result};

/// A text that would start a new line in a log, and clear a terminal.
const HOSTILE: &str = "\nERROR forged\r\u{1b}[2J\u{202e}";

fn hostile() -> String {
    format!("{HOSTILE}{}", "x".repeat(100_000))
}

/// The length of a cut text, with room for a few words around it.
const LONGEST: usize = 1024 + 200;

#[track_caller]
fn assert_harmless(text: &str) {
    assert!(text.len() <= LONGEST, "{} bytes: {}", text.len(), &text[..50]);
    assert!(!text.chars().any(|char| char.is_control() || char == '\u{202e}'), "{text:?}");
}

#[track_caller]
fn assert_chain_is_harmless(error: &(dyn StdError + 'static)) {
    for error in std::iter::successors(Some(error), |error| (*error).source()) {
        assert_harmless(&error.to_string());
    }
}

fn error(call: &Received, code: i64) -> String {
    let error = json!({"code": code, "message": hostile(), "data": hostile()});
    json!({"jsonrpc": "2.0", "error": error, "id": call.id()}).to_string()
}

#[tokio::test]
async fn errors_show_no_control_characters_and_a_kilobyte_at_most() {
    // A code of the service, one of JSON-RPC, and two of the framework.
    for code in [1, -32603, -32092, -32097] {
        let peer = Peer::failing(move |call| error(call, code)).await;
        let messages = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&messages);
        let client = peer.builder().on_attempt(move |event| {
            seen.lock().unwrap().extend(event.attempt.error.iter().map(ToString::to_string));
        });
        let error = client.build().unwrap().call::<Value>("any", ()).await.unwrap_err();
        assert_chain_is_harmless(&error);
        assert!(format!("{error:?}").len() < 4 * LONGEST, "{code}");
        let messages = messages.lock().unwrap();
        assert_eq!(messages.len(), 1);
        assert_harmless(&messages[0]);
        // The full text is available on request.
        let object = error.error_object().unwrap();
        assert_eq!(object.message(), hostile());
        assert_eq!(object.decode_data::<String>().unwrap(), hostile());
    }
}

#[tokio::test]
async fn what_a_refusal_shows_of_its_data_is_harmless() {
    let error = |id: &Value| {
        let data = json!({"reason": hostile(), "requires": vec![hostile(); 3]});
        json!({"jsonrpc": "2.0", "error": {"code": -32098, "message": "m", "data": data}, "id": id}).to_string()
    };
    let error = Peer::failing(move |call| error(&call.id())).await.client().call::<Value>("any", ()).await.unwrap_err();
    assert!(error.to_string().starts_with(r"server gave up on the call: m (code -32098): \nERROR forged\r"), "{error}");
    assert_chain_is_harmless(&error);

    let data = json!({"reason": HOSTILE, "requires": [HOSTILE]});
    let body = json!({"jsonrpc": "2.0", "error": {"code": -32096, "message": HOSTILE, "data": data}, "id": 1});
    let peer = Peer::start(move |_| Answer::Bytes(http("409 Conflict", &[], &body.to_string()))).await;
    let error = peer.client().call::<Value>("any", ()).await.unwrap_err();
    assert!(error.to_string().starts_with(r"server gave up on the call: \nERROR forged"), "{error}");
    assert_chain_is_harmless(&error);
}

#[tokio::test]
async fn a_body_whose_status_is_an_error_is_shown_harmlessly() {
    let peer = Peer::start(|_| Answer::Bytes(http("502 Bad Gateway", &[], &hostile()))).await;
    let error = peer.client().call::<Value>("any", ()).await.unwrap_err();
    assert_chain_is_harmless(&error);
    let debug = format!("{error:?}");
    assert!(debug.len() < 2 * LONGEST && !debug.contains(['\n', '\r', '\u{1b}']), "{debug}");
    assert!(error.failure().unwrap().body_start().unwrap().starts_with(HOSTILE.as_bytes()));
}

#[tokio::test]
async fn what_serde_quotes_of_a_result_is_shown_harmlessly() {
    #[derive(Debug, Deserialize)]
    enum Side {
        Left,
    }
    let peer = Peer::answering(|call| result(&call.id(), json!(hostile()))).await;
    let client = peer.client();
    for error in [
        client.call::<Side>("any", ()).await.map(|side| assert!(matches!(side, Side::Left))).unwrap_err(),
        client.call::<u64>("any", ()).await.map(drop).unwrap_err(),
    ] {
        assert!(error.failure().unwrap().is_decode());
        assert!(error.source().is_some());
        assert_chain_is_harmless(&error);
    }
}

#[test]
fn the_text_of_an_error_that_is_declared_is_its_own() {
    #[derive(Debug, thiserror::Error, RpcError)]
    #[error("two\nlines")]
    #[rpc(code = 1)]
    struct Declared;
    assert_eq!(Declared.to_string(), "two\nlines");
    let shown: &dyn Display = &ErrorObject::new(1, "two\nlines");
    assert_eq!(shown.to_string(), r"two\nlines (code 1)");
}
