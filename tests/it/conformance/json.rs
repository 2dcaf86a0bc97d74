//! Valid JSON by RFC 8259, and invalid JSON, which gets -32700 with id null.

use std::borrow::Cow;

use support::PING;

use crate::conformance::row::{Expected, Row, invalid, result, row, run};

const fn no_json(shows: &'static str, request: &'static [u8]) -> Row {
    Row::new("5.1", shows, Cow::Borrowed(request), Expected::ParseError)
}

const NO_JSON: &[Row] = &[
    no_json("nothing", b""),
    no_json("blanks only", b" \r\n\t "),
    no_json("a byte order mark", b"\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":1}"),
    no_json("UTF-16", b"{\0\"\0i\0d\0\"\0:\x001\0}\0"),
    no_json("trailing garbage", br#"{"jsonrpc":"2.0","method":"ping","id":1} x"#),
    no_json("a second request", br#"{"jsonrpc":"2.0","method":"ping","id":1}{"jsonrpc":"2.0","method":"ping","id":2}"#),
    no_json("a trailing NUL", b"{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":1}\0"),
    no_json("a leading form feed", b"\x0c{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":1}"),
    no_json("a trailing form feed", b"{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\":1}\x0c"),
    no_json("a form feed within", b"{\"jsonrpc\":\"2.0\",\x0c\"method\":\"ping\",\"id\":1}"),
    no_json("a form feed before a batch", b"\x0c[]"),
    no_json("a vertical tab", b"\x0b{}"),
    no_json("a no-break space", "\u{a0}{}".as_bytes()),
    no_json("a trailing comma", br#"{"jsonrpc":"2.0","method":"ping","id":1,}"#),
    no_json("single quotes", b"{'jsonrpc':'2.0','method':'ping','id':1}"),
    no_json("a comment", br#"{"jsonrpc":"2.0","method":"ping","id":1} // why"#),
    no_json("a leading zero", br#"{"jsonrpc":"2.0","method":"ping","id":01}"#),
    no_json("a leading plus", br#"{"jsonrpc":"2.0","method":"ping","id":+1}"#),
    no_json("a bare fraction", br#"{"jsonrpc":"2.0","method":"ping","id":.5}"#),
    no_json("NaN", br#"{"jsonrpc":"2.0","method":"echo","params":[NaN],"id":1}"#),
    no_json("an unknown escape", br#"{"jsonrpc":"2.0","method":"\x70ing","id":1}"#),
    no_json("a raw line break in a string", b"{\"jsonrpc\":\"2.0\",\"method\":\"pi\nng\",\"id\":1}"),
    no_json("invalid UTF-8", b"{\"jsonrpc\":\"2.0\",\"method\":\"\xff\",\"id\":1}"),
    no_json("a surrogate in UTF-8", b"{\"jsonrpc\":\"2.0\",\"method\":\"\xed\xa0\x80\",\"id\":1}"),
    no_json("an overlong slash", b"{\"jsonrpc\":\"2.0\",\"method\":\"\xc0\xaf\",\"id\":1}"),
    no_json("an end too early", br#"{"jsonrpc":"2.0","method":"ping","id":1"#),
    no_json("an end within params", br#"{"jsonrpc":"2.0","method":"ping","id":1,"params":["#),
    no_json("broken params of a notification", br#"{"jsonrpc":"2.0","method":"ping","params":[1,]}"#),
    no_json("a broken unknown member", br#"{"jsonrpc":"2.0","method":"ping","id":1,"x":[}"#),
];

const NO_REQUEST: &[Row] = &[
    row(
        "wire",
        "half a surrogate pair as the method",
        r#"{"jsonrpc":"2.0","method":"\ud800","id":1}"#,
        invalid(r#""member \"method\" must be a string""#, "1"),
    ),
    row(
        "wire",
        "half a surrogate pair as the name of an unknown member",
        r#"{"jsonrpc":"2.0","method":"ping","\udc00":1,"id":1}"#,
        result("\"pong\"", "1"),
    ),
    row(
        "wire",
        "half a surrogate pair in raw params passes through",
        r#"{"jsonrpc":"2.0","method":"echo","params":["\ud800"],"id":1}"#,
        result(r#"["\ud800"]"#, "1"),
    ),
    row(
        "wire",
        "text beyond ASCII",
        r#"{"jsonrpc":"2.0","method":"größe","id":1}"#,
        result("\"ünïcödé 🦀 \\u0000 \u{2028}\"", "1"),
    ),
    row(
        "wire",
        "an escaped surrogate pair",
        r#"{"jsonrpc":"2.0","method":"\ud83e\udd80","id":1}"#,
        Expected::Error { code: -32601, message: "Method not found", data: "", id: "1" },
    ),
];

#[tokio::test]
async fn what_is_not_json_is_a_parse_error_with_id_null() {
    run(NO_JSON).await;
}

#[tokio::test]
async fn json_that_is_no_unicode_is_no_parse_error() {
    run(NO_REQUEST).await;
}

#[tokio::test]
async fn json_blanks_around_a_request_are_ignored() {
    let blank = |request: String| Row::new("4", "blanks", Cow::Owned(request.into_bytes()), result(r#""pong""#, "1"));
    run(&[
        blank(format!("{}{PING}", " ".repeat(200))),
        blank(format!("{}{PING}", "\r\n\t ".repeat(50))),
        blank(format!("{PING}{}", "\n".repeat(200))),
        blank(PING.replace(':', " \t:\r\n")),
    ])
    .await;
}
