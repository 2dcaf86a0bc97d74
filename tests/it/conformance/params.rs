//! Section 4.2: params by position and by name.

use crate::conformance::row::{Row, bad_params, invalid, nothing, result, row, run};

const STRUCTURE: &str = r#""member \"params\" must be an array or an object""#;

/// Calls a method with params and id 1, and builds a row with the expected answer.
macro_rules! call {
    ($section:literal, $shows:literal, $method:literal, $params:literal, $answer:expr) => {
        row(
            $section,
            $shows,
            concat!(r#"{"jsonrpc":"2.0","method":""#, $method, r#"","params":"#, $params, r#","id":1}"#),
            $answer,
        )
    };
}

const STRUCTURES: &[Row] = &[
    row("4", "params MAY be omitted", r#"{"jsonrpc":"2.0","method":"ping","id":1}"#, result(r#""pong""#, "1")),
    call!("4.2", "an empty array is no params", "ping", "[]", result(r#""pong""#, "1")),
    call!("4.2", "an empty object is no params", "ping", "{}", result(r#""pong""#, "1")),
    call!("wire", "null is absent", "ping", "null", result(r#""pong""#, "1")),
    call!("wire", "null is absent, for raw params too", "echo", "null", result("null", "1")),
    call!("4.2", "params MUST be a structure: number", "echo", "1", invalid(STRUCTURE, "1")),
    call!("4.2", "params MUST be a structure: string", "echo", r#""x""#, invalid(STRUCTURE, "1")),
    call!("4.2", "params MUST be a structure: true", "echo", "true", invalid(STRUCTURE, "1")),
    call!("4.2", "params MUST be a structure: false", "echo", "false", invalid(STRUCTURE, "1")),
    row(
        "4.2",
        "of a notification too, which then is none",
        r#"{"jsonrpc":"2.0","method":"echo","params":1}"#,
        invalid(STRUCTURE, "null"),
    ),
    call!(
        "4.2",
        "raw params come as they went",
        "echo",
        r#"{ "a" : [1, 2.50] }"#,
        result(r#"{ "a" : [1, 2.50] }"#, "1")
    ),
    call!("4.2", "one value by name", "move", r#"{"y":2,"x":1}"#, result(r#"{"x":1,"y":2}"#, "1")),
    call!("4.2", "one value by position", "move", "[1,2]", result(r#"{"x":1,"y":2}"#, "1")),
    call!("4.2", "a method without a value answers null", "nothing", "[]", result("null", "1")),
];

const TYPED: &[Row] = &[
    call!("4.2", "defaults by name", "page", "{}", result("[10,null,false]", "1")),
    call!("4.2", "defaults by position", "page", "[]", result("[10,null,false]", "1")),
    row(
        "4.2",
        "defaults of absent params",
        r#"{"jsonrpc":"2.0","method":"page","id":1}"#,
        result("[10,null,false]", "1"),
    ),
    call!("4.2", "a part by position", "page", "[3]", result("[3,null,false]", "1")),
    call!("4.2", "a part by name", "page", r#"{"after":"x"}"#, result(r#"[10,"x",false]"#, "1")),
    call!("4.2", "a parameter with a wire name", "page", r#"{"newestFirst":true}"#, result("[10,null,true]", "1")),
    call!("4.2", "null for an Option", "page", r#"{"after":null}"#, result("[10,null,false]", "1")),
    call!("wire", "null for a default, by position", "page", r#"[null,"x",null]"#, result(r#"[10,"x",false]"#, "1")),
    call!("wire", "null for a default, by name", "page", r#"{"limit":null}"#, result("[10,null,false]", "1")),
    call!("4.2", "an escaped name", "subtract", r#"{"min\u0075end":3,"subtrahend":1}"#, result("2", "1")),
    call!(
        "4.2",
        "names MUST match exactly, case included",
        "subtract",
        r#"{"Minuend":3,"subtrahend":1}"#,
        bad_params(
            r#"Invalid params: unknown parameter "Minuend", expected one of "minuend", "subtrahend""#,
            r#"{"parameter":"Minuend","expected":"one of minuend, subtrahend"}"#,
            "1"
        )
    ),
    call!(
        "wire",
        "misspelt",
        "page",
        r#"{"limt":3}"#,
        bad_params(
            r#"Invalid params: unknown parameter "limt", expected one of "limit", "after", "newestFirst""#,
            r#"{"parameter":"limt","expected":"one of limit, after, newestFirst"}"#,
            "1"
        )
    ),
    call!(
        "wire",
        "missing by name",
        "subtract",
        r#"{"minuend":3}"#,
        bad_params(
            r#"Invalid params: missing parameter "subtrahend""#,
            r#"{"parameter":"subtrahend","expected":"i64"}"#,
            "1"
        )
    ),
    call!(
        "wire",
        "missing by position",
        "subtract",
        "[3]",
        bad_params(
            r#"Invalid params: missing parameter "subtrahend""#,
            r#"{"parameter":"subtrahend","expected":"i64"}"#,
            "1"
        )
    ),
    call!(
        "wire",
        "surplus by position",
        "subtract",
        "[3,1,4]",
        bad_params(
            "Invalid params: 3 parameters are given, expected at most 2 parameters",
            r#"{"expected":"at most 2 parameters"}"#,
            "1"
        )
    ),
    call!(
        "wire",
        "surplus where there are none",
        "ping",
        "[1]",
        bad_params(
            "Invalid params: 1 parameter is given, expected no parameters",
            r#"{"expected":"no parameters"}"#,
            "1"
        )
    ),
    call!(
        "wire",
        "twice",
        "subtract",
        r#"{"minuend":3,"minuend":3,"subtrahend":1}"#,
        bad_params(
            r#"Invalid params: parameter "minuend" is given twice"#,
            r#"{"parameter":"minuend","expected":"one value"}"#,
            "1"
        )
    ),
    call!(
        "wire",
        "twice, once escaped",
        "subtract",
        r#"{"minuend":3,"min\u0075end":3,"subtrahend":1}"#,
        bad_params(
            r#"Invalid params: parameter "minuend" is given twice"#,
            r#"{"parameter":"minuend","expected":"one value"}"#,
            "1"
        )
    ),
    call!(
        "wire",
        "of another type",
        "subtract",
        r#"[3,"1"]"#,
        bad_params(
            r#"Invalid params: parameter "subtrahend": invalid type: string "1", expected i64"#,
            r#"{"parameter":"subtrahend","expected":"i64"}"#,
            "1"
        )
    ),
    call!(
        "wire",
        "a null that is no Option",
        "subtract",
        r#"{"minuend":null,"subtrahend":1}"#,
        bad_params(
            r#"Invalid params: parameter "minuend": invalid type: null, expected i64"#,
            r#"{"parameter":"minuend","expected":"i64"}"#,
            "1"
        )
    ),
    call!(
        "wire",
        "out of range",
        "page",
        "[-1]",
        bad_params(
            r#"Invalid params: parameter "limit": invalid value: integer `-1`, expected u32"#,
            r#"{"parameter":"limit","expected":"u32"}"#,
            "1"
        )
    ),
    call!(
        "wire",
        "a fraction for 128 bits",
        "transfer",
        r#"{"wei":1e18}"#,
        bad_params(
            r#"Invalid params: parameter "wei": invalid type: floating point `1e18`, expected an integer"#,
            r#"{"parameter":"wei","expected":"an integer"}"#,
            "1"
        )
    ),
    row("wire", "notifications with bad params", r#"{"jsonrpc":"2.0","method":"subtract","params":[3]}"#, nothing()),
];

const LENIENT: &[Row] = &[
    call!("wire", "surplus by name", "tolerant.add", r#"{"a":1,"c":{"d":[]},"b":2}"#, result("3", "1")),
    call!("wire", "surplus by position", "tolerant.add", "[1,2,{}]", result("3", "1")),
    call!(
        "wire",
        "missing all the same",
        "tolerant.add",
        r#"{"a":1,"c":2}"#,
        bad_params(r#"Invalid params: missing parameter "b""#, r#"{"parameter":"b","expected":"i64"}"#, "1")
    ),
    call!(
        "wire",
        "twice all the same",
        "tolerant.add",
        r#"{"a":1,"a":1,"b":2}"#,
        bad_params(
            r#"Invalid params: parameter "a" is given twice"#,
            r#"{"parameter":"a","expected":"one value"}"#,
            "1"
        )
    ),
];

#[tokio::test]
async fn params_are_a_structure_or_absent() {
    run(STRUCTURES).await;
}

#[tokio::test]
async fn typed_params_are_read_by_name_and_by_position() {
    run(TYPED).await;
}

#[tokio::test]
async fn lenient_services_ignore_what_they_do_not_know() {
    run(LENIENT).await;
}
