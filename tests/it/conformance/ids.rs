//! Sections 4 and 5: ids, which are echoed byte for byte.

use crate::conformance::row::{Row, invalid, nothing, result, row, run};

const TYPE: &str = r#""id must be a string, a number or null""#;
const TWO: &str = r#""a request must not have two ids""#;
const TWICE: &str = r#""a request must not have a member twice""#;

/// Calls `ping` with an id that the answer must echo unchanged.
macro_rules! echoed {
    ($shows:literal, $id:literal) => {
        row("5", $shows, concat!(r#"{"jsonrpc":"2.0","method":"ping","id":"#, $id, "}"), result(r#""pong""#, $id))
    };
}

macro_rules! refused {
    ($shows:literal, $id:literal) => {
        row("4", $shows, concat!(r#"{"jsonrpc":"2.0","method":"ping","id":"#, $id, "}"), invalid(TYPE, "null"))
    };
}

const ROWS: &[Row] = &[
    echoed!("zero", "0"),
    echoed!("a negative number", "-1"),
    echoed!("negative zero", "-0"),
    echoed!("a fraction, which SHOULD NOT be but may", "1.5"),
    echoed!("a fraction of zero keeps it", "1.0"),
    echoed!("2^53 + 1", "9007199254740993"),
    echoed!("2^64 - 1", "18446744073709551615"),
    echoed!("2^64", "18446744073709551616"),
    echoed!("an exponent", "1e30"),
    echoed!("an exponent with a sign and a capital", "1E+02"),
    echoed!("beyond any double", "1e400"),
    echoed!("thirty digits", "123456789012345678901234567890"),
    echoed!("a string", r#""a""#),
    echoed!("an empty string", r#""""#),
    echoed!("a string that looks like a number", r#""1""#),
    echoed!("a string that looks like null", r#""null""#),
    echoed!("a string keeps its escapes", r#""\u0041\/\n\ud83e\udd80""#),
    echoed!("a string beyond ASCII", "\"ünï🦀\""),
    echoed!("half a surrogate pair", r#""\ud800""#),
    echoed!("null, which is a call all the same", "null"),
    row("4", "an absent id is a notification", r#"{"jsonrpc":"2.0","method":"ping"}"#, nothing()),
    row(
        "5",
        "handlers see the id as it came",
        r#"{"jsonrpc":"2.0","method":"id","id":1.50}"#,
        result(r#""1.50""#, "1.50"),
    ),
    row(
        "5",
        "blanks around an id are not a part of it",
        "{\"jsonrpc\":\"2.0\",\"method\":\"ping\",\"id\": \t7\n}",
        result(r#""pong""#, "7"),
    ),
    refused!("true is no id", "true"),
    refused!("false is no id", "false"),
    refused!("an object is no id", "{}"),
    refused!("an array is no id", "[1]"),
    row("wire", "two ids", r#"{"jsonrpc":"2.0","method":"ping","id":1,"id":2}"#, invalid(TWO, "null")),
    row(
        "wire",
        "two ids that are the same",
        r#"{"jsonrpc":"2.0","method":"ping","id":1,"id":1}"#,
        invalid(TWO, "null"),
    ),
    row(
        "wire",
        "two ids, the first one null",
        r#"{"jsonrpc":"2.0","method":"ping","id":null,"id":1}"#,
        invalid(TWO, "null"),
    ),
    row(
        "wire",
        "two ids, the second escaped",
        r#"{"jsonrpc":"2.0","method":"ping","id":1,"\u0069d":2}"#,
        invalid(TWO, "null"),
    ),
    row("wire", "two ids, one of no type", r#"{"jsonrpc":"2.0","method":"ping","id":1,"id":[]}"#, invalid(TWO, "null")),
    row(
        "wire",
        "two ids and then two methods",
        r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping","method":"ping"}"#,
        invalid(TWO, "null"),
    ),
    row(
        "wire",
        "two methods and then two ids",
        r#"{"jsonrpc":"2.0","method":"ping","method":"ping","id":1,"id":2}"#,
        invalid(TWO, "null"),
    ),
    row(
        "wire",
        "an invalid request keeps its only id",
        r#"{"jsonrpc":"2.0","method":"a","method":"a","id":"x"}"#,
        invalid(TWICE, r#""x""#),
    ),
    row("5", "an id of no type beside another fault", r#"{"method":1,"id":[1]}"#, invalid(TYPE, "null")),
];

#[tokio::test]
async fn ids_are_echoed_byte_for_byte_or_refused() {
    run(ROWS).await;
}
