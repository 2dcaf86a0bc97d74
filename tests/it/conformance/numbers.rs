//! Numbers survive: raw JSON as text, doubles to the last bit.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use proptest::prelude::{any, proptest};
use rpc::RequestContext;
use rpc_core::Dispatch;

use crate::conformance::row::{Expected, Row, result, row, run};
use crate::conformance::server;

macro_rules! echoed {
    ($shows:literal, $number:literal) => {
        row(
            "wire",
            $shows,
            concat!(r#"{"jsonrpc":"2.0","method":"echo","params":["#, $number, r#"],"id":1}"#),
            result(concat!("[", $number, "]"), "1"),
        )
    };
}

const RAW: &[Row] = &[
    echoed!("thirty digits", "123456789012345678901234567890"),
    echoed!("thirty digits behind the point", "0.123456789012345678901234567890"),
    echoed!("beyond any double", "1e400"),
    echoed!("below any double", "-1e-400"),
    echoed!("negative zero", "-0.0"),
    echoed!("an exponent as it was written", "1.50E+007"),
    echoed!("2^64", "18446744073709551616"),
];

#[tokio::test]
async fn raw_params_keep_any_number() {
    run(RAW).await;
}

#[tokio::test]
async fn doubles_survive_to_their_last_bit() {
    // A parser that does not round correctly reads each of these as another number.
    let doubles = [
        "5e-324",
        "2.2250738585072014e-308",
        "1.7976931348623157e308",
        "9007199254740993.0",
        "0.1",
        "8.41179486171e-45",
        "51.24817837550540",
        "-0.0",
    ];
    let rows: Vec<Row> = doubles
        .into_iter()
        .map(|double| {
            let value: f64 = double.parse().unwrap();
            let request = format!(r#"{{"jsonrpc":"2.0","method":"floats","params":[{double}],"id":1}}"#);
            let answer = format!(r#"{{"jsonrpc":"2.0","result":[{}],"id":1}}"#, serde_json::Value::from(value));
            Row::new("wire", "a double", Cow::Owned(request.into_bytes()), Expected::Bytes(Cow::Owned(answer)))
        })
        .collect();
    run(&rows).await;
}

proptest! {
    #[test]
    fn any_finite_double_survives(bits in any::<u64>()) {
        let double = f64::from_bits(bits);
        if !double.is_finite() {
            return Ok(());
        }
        // Rust prints the shortest text that reads as the same double, and its own parser is correct.
        let request = format!(r#"{{"jsonrpc":"2.0","method":"floats","params":[{double:?}],"id":1}}"#);
        let answer = server::build().dispatch(Bytes::from(request), Arc::new(RequestContext::default()));
        let answer = futures_util::FutureExt::now_or_never(answer).expect("the handler waits for nothing");
        let text = std::str::from_utf8(&answer.body).unwrap();
        let number = text.strip_prefix(r#"{"jsonrpc":"2.0","result":["#).and_then(|rest| rest.strip_suffix(r#"],"id":1}"#));
        assert_eq!(number.expect(text).parse::<f64>().unwrap().to_bits(), bits);
    }
}
