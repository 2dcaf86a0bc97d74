//! Input that is not text, or unusual text.

use crate::robustness::attack::{Attack, run};

pub(crate) fn attacks() -> Vec<Attack> {
    let method = |bytes: &[u8]| [br#"{"jsonrpc":"2.0","method":""#, bytes, br#"","id":1}"#].concat();
    vec![
        Attack::post("a byte that UTF-8 never has", method(b"\xff"), -32700),
        Attack::post("half a character", method(b"\xc3"), -32700),
        Attack::post("an overlong NUL", method(b"\xc0\x80"), -32700),
        Attack::post("a surrogate in UTF-8", method(b"\xed\xa0\x80"), -32700),
        Attack::post("beyond Unicode", method(b"\xf4\x90\x80\x80"), -32700),
        Attack::post(
            "bad UTF-8 in params",
            b"{\"jsonrpc\":\"2.0\",\"method\":\"echo\",\"params\":[\"\xff\"],\"id\":1}",
            -32700,
        ),
        Attack::post(
            "bad UTF-8 behind the request",
            b"{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":1} \xff",
            -32700,
        ),
        Attack::post("a megabyte of 0xff", vec![0xff; 1_000_000], -32700),
        Attack::post("a megabyte of NULs", vec![0; 1_000_000], -32700),
        Attack::post("a NUL in a name", method(b"pi\0ng"), -32700),
        Attack::post("an escaped NUL in a name", method(br"pi\u0000ng"), -32601).id("1"),
        Attack::post("a high surrogate alone", method(br"\ud800"), -32600).id("1"),
        Attack::post("a low surrogate alone", method(br"\udc00"), -32600).id("1"),
        Attack::post("surrogates in the wrong order", method(br"\udc00\ud800"), -32600).id("1"),
        Attack::post("half an escape", method(br"\ud8"), -32700),
        Attack::post("a surrogate alone in a version", br#"{"jsonrpc":"\ud800","method":"ping","id":1}"#, -32600)
            .id("1"),
        Attack::post(
            "a surrogate alone in a parameter's name",
            br#"{"jsonrpc":"2.0","method":"ping","params":{"\ud800":1},"id":1}"#,
            -32602,
        )
        .id("1"),
        Attack::post("a number of a megabyte", "9".repeat(1_000_000), -32600),
        Attack::post("an exponent of a megabyte", format!("1e{}", "9".repeat(1_000_000)), -32600),
        Attack::post("a string without end", format!("\"{}", "x".repeat(1_000_000)), -32700),
        Attack::post("a megabyte of blanks", " ".repeat(1_000_000), -32700),
    ]
}

#[tokio::test]
async fn bytes_that_are_no_text_are_no_json() {
    run(&attacks()).await;
}
