use serde::Serialize;

use super::encode::{Encode, encode_fields};
use super::{Decode, Fields, decode, encode_params, encode_untyped};
use crate::{ErrorObject, MethodSpec, ParamSpec};

const PARAMS: &[ParamSpec] =
    &[ParamSpec::new("id"), ParamSpec::new("note").optional(), ParamSpec::new("limit").optional()];
const METHOD: &MethodSpec = &MethodSpec::new("m").params(PARAMS);
const LENIENT: &MethodSpec = &MethodSpec::new("m").params(PARAMS).lenient();
const POSITIONAL: &MethodSpec = &MethodSpec::new("m").params(PARAMS).positional();
const NONE: &MethodSpec = &MethodSpec::new("m");

const TEN: Option<fn() -> u32> = Some(|| 10);

type Three = (u64, Option<String>, u32);

fn run<P: Decode>(json: &str, method: &MethodSpec, defaults: &P::Defaults) -> Result<P, ErrorObject> {
    decode((!json.is_empty()).then_some(json), method, defaults)
}

fn three(json: &str) -> Result<Three, ErrorObject> {
    run(json, METHOD, &(None, None, TEN))
}

#[track_caller]
fn assert_refused(json: &str, problem: &str, data: &str) {
    let error = three(json).unwrap_err();
    assert_eq!(error.code().get(), -32602);
    assert_eq!(error.message(), format!("Invalid params: {problem}"));
    assert_eq!(error.data().unwrap().get(), data);
}

#[test]
fn names_and_positions_decode_alike() {
    assert_eq!(three(r#"{"limit":3,"id":1,"note":"n"}"#), Ok((1, Some("n".into()), 3)));
    assert_eq!(three(r#"[1,"n",3]"#), Ok((1, Some("n".into()), 3)));
    assert_eq!(three(r#"{"\u0069d":1}"#), Ok((1, None, 10)));
}

#[test]
fn white_space_may_stand_around_everything() {
    let blank = " \t\r\n ";
    for text in [r#"{|"limit"|:|3|,|"id"|:|1|,|"note"|:|"n"|}"#, r#"[|1|,|"n"|,|3|]"#] {
        assert_eq!(three(&text.replace('|', blank)), Ok((1, Some("n".into()), 3)), "{text}");
    }
    assert_eq!(run::<()>(&format!("[{blank}]"), NONE, &()), Ok(()));
    assert_eq!(run::<()>(&format!("{{{blank}}}"), NONE, &()), Ok(()));
}

#[test]
fn text_that_is_no_json_is_refused_wherever_it_breaks() {
    for text in [
        "[",
        "[1",
        "[1,",
        "[1,]",
        "[1 \"n\"]",
        "{",
        "{\"id\"",
        "{\"id\" 1}",
        "{\"id\":",
        "{\"id\":1",
        "{\"id\":1,",
        "{\"id\":1,}",
        "{\"id\":1 \"limit\":2}",
        "{id:1}",
        "{\"id",
        "{\"i\\x\":1}",
        "7",
        "\"text\"",
    ] {
        let error = three(text).unwrap_err();
        assert!(error.code().get() == -32602 && error.message().starts_with("Invalid params: "), "{text}: {error}");
    }
}

#[test]
fn options_and_defaults_may_be_absent() {
    assert_eq!(three(r#"{"id":1}"#), Ok((1, None, 10)));
    assert_eq!(three("[1]"), Ok((1, None, 10)));
    assert_eq!(three("[1,null]"), Ok((1, None, 10)));
}

#[test]
fn missing_parameters_are_named() {
    let data = r#"{"parameter":"id","expected":"u64"}"#;
    for json in ["", "{}", "[]", r#"{"limit":1}"#] {
        assert_refused(json, r#"missing parameter "id""#, data);
    }
}

#[test]
fn unknown_parameters_are_named_beside_the_known() {
    assert_refused(
        r#"{"id":1,"idd":1}"#,
        r#"unknown parameter "idd", expected one of "id", "note", "limit""#,
        r#"{"parameter":"idd","expected":"one of id, note, limit"}"#,
    );
    assert_refused(
        "[1,null,3,4,5]",
        "5 parameters are given, expected at most 3 parameters",
        r#"{"expected":"at most 3 parameters"}"#,
    );
}

#[test]
fn values_that_do_not_fit_are_named_with_what_was_expected() {
    let data = r#"{"parameter":"id","expected":"u64"}"#;
    assert_refused(r#"{"id":"x"}"#, r#"parameter "id": invalid type: string "x", expected u64"#, data);
    assert_refused("[-1]", r#"parameter "id": invalid value: integer `-1`, expected u64"#, data);
    assert_refused(
        "[null]",
        r#"parameter "id": invalid type: null, expected u64"#,
        r#"{"parameter":"id","expected":"u64"}"#,
    );
}

#[test]
fn null_is_the_default_of_a_type_that_takes_no_null() {
    for json in [r#"{"id":1,"limit":null}"#, "[1,null,null]", "[1,null, null ]", r#"{"limit": null,"id":1}"#] {
        assert_eq!(three(json), Ok((1, None, 10)), "{json}");
    }
    for json in ["[1,null,nul]", "[1,null,nullx]", "[1,null,null 1]", "[1,null,[null]]", r#"[1,null,"null"]"#] {
        assert!(three(json).is_err(), "{json}");
    }
}

#[test]
fn null_stays_null_where_the_type_takes_it() {
    type Nullable = (Option<u8>, (), serde_json::Value);
    let defaults: <Nullable as Decode>::Defaults = (Some(|| Some(7)), Some(|| ()), Some(|| 8.into()));
    let decoded = run::<Nullable>("[null,null,null]", METHOD, &defaults);
    assert_eq!(decoded, Ok((None, (), serde_json::Value::Null)));
    assert_eq!(run::<Nullable>("[]", METHOD, &defaults), Ok((Some(7), (), 8.into())));
}

#[test]
fn a_value_that_its_type_does_not_read_to_its_end_is_named() {
    /// A type that reads nothing of its value.
    #[derive(Debug, PartialEq)]
    struct ReadsNothing;

    impl<'de> serde::Deserialize<'de> for ReadsNothing {
        fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
            Ok(Self)
        }
    }

    fn refused<P: Decode + std::fmt::Debug>(json: &str) -> (String, String) {
        let error = run::<P>(json, METHOD, &P::no_defaults()).unwrap_err();
        (error.message().to_owned(), error.data().unwrap().get().to_owned())
    }

    let integer = |name: &str, number: &str| {
        let message =
            format!("Invalid params: parameter {name:?}: invalid type: floating point `{number}`, expected an integer");
        (message, format!(r#"{{"parameter":"{name}","expected":"an integer"}}"#))
    };
    for number in ["1.5", "1e3", "1E+2", "0.0"] {
        assert_eq!(refused::<(u128,)>(&format!("[{number}]")), integer("id", number));
        assert_eq!(refused::<(i128,)>(&format!("[ -{number} ]")), integer("id", &format!("-{number}")));
        assert_eq!(refused::<(Option<u128>,)>(&format!(r#"{{"id" : {number}}}"#)), integer("id", number));
        assert_eq!(refused::<(u8, Vec<u128>)>(&format!("[1, [0,{number}]]")), integer("note[1]", number));
    }
    let blind = (
        r#"Invalid params: parameter "note": the value was not read to its end"#.to_owned(),
        r#"{"parameter":"note"}"#.to_owned(),
    );
    assert_eq!(refused::<(u8, ReadsNothing)>(r#"[1,{"a":1}]"#), blind);
    assert_eq!(refused::<(u8, ReadsNothing)>(r#"{"note":"text","id":1}"#), blind);
}

#[test]
fn a_parameter_given_twice_is_refused() {
    assert_refused(
        r#"{"id":1,"id":2}"#,
        r#"parameter "id" is given twice"#,
        r#"{"parameter":"id","expected":"one value"}"#,
    );
}

#[test]
fn lenient_services_ignore_what_they_do_not_know() {
    let defaults = (None, None, TEN);
    assert_eq!(run::<Three>(r#"{"x":[{}],"id":1}"#, LENIENT, &defaults), Ok((1, None, 10)));
    assert_eq!(run::<Three>("[1,null,3,4]", LENIENT, &defaults), Ok((1, None, 3)));
}

#[test]
fn methods_without_parameters_take_any_empty_form() {
    for json in ["", "[]", "{}"] {
        assert_eq!(run::<()>(json, NONE, &()), Ok(()));
    }
    let error = run::<()>(r#"{"a":1}"#, NONE, &()).unwrap_err();
    assert_eq!(error.message(), r#"Invalid params: unknown parameter "a", expected no parameters"#);
}

#[test]
fn sixteen_parameters_decode() {
    type Sixteen = (u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8, u8);
    let decoded: Sixteen = run("[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15]", NONE, &Sixteen::no_defaults()).unwrap();
    assert_eq!((decoded.0, decoded.1, decoded.15), (0, 1, 15));
}

#[test]
fn deep_params_are_refused_and_not_recursed_into() {
    let json = format!(r#"{{"id":1,"note":{}{}}}"#, "[".repeat(100_000), "]".repeat(100_000));
    assert!(run::<(u64, serde_json::Value, u32)>(&json, METHOD, &(None, None, TEN)).is_err());
}

fn encoded<P: Encode>(method: &MethodSpec, params: &P) -> String {
    let mut out = Vec::new();
    encode_params(method, params, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn clients_leave_none_out() {
    assert_eq!(encoded(METHOD, &(1, None::<u8>, 3)), r#"{"id":1,"limit":3}"#);
    assert_eq!(encoded(METHOD, &(1, Some("n"), 3)), r#"{"id":1,"note":"n","limit":3}"#);
    assert_eq!(encoded(POSITIONAL, &(1, None::<u8>, 3)), "[1,null,3]");
    assert_eq!(encoded(POSITIONAL, &(1, None::<u8>, None::<u8>)), "[1]");
    assert_eq!(encoded(POSITIONAL, &(None::<u8>, None::<u8>, None::<u8>)), "[]");
    assert_eq!(encoded(NONE, &()), "");
}

#[test]
fn null_that_is_not_none_is_kept() {
    assert_eq!(encoded(METHOD, &(1, serde_json::Value::Null, ())), r#"{"id":1,"note":null,"limit":null}"#);
}

#[test]
fn untyped_params_are_structures_or_nothing() {
    fn untyped(params: &impl Serialize) -> Result<String, serde_json::Error> {
        let mut out = b"before".to_vec();
        encode_untyped(params, &mut out).map(|()| String::from_utf8(out).unwrap())
    }
    assert_eq!(untyped(&[1, 2]).unwrap(), "before[1,2]");
    assert_eq!(untyped(&serde_json::json!({ "a": 1 })).unwrap(), r#"before{"a":1}"#);
    assert_eq!(untyped(&()).unwrap(), "before");
    assert!(untyped(&1).is_err());
    assert!(untyped(&"text").is_err());
}

#[test]
fn fields_become_data_by_their_form() {
    let data = |fields, encode: &dyn Fn(&mut Vec<u8>, Fields)| {
        let mut out = Vec::new();
        encode(&mut out, fields);
        String::from_utf8(out).unwrap()
    };
    let one = |out: &mut Vec<u8>, fields| encode_fields(fields, &(&7,), out).unwrap();
    assert_eq!(data(Fields::Newtype, &one), "7");
    assert_eq!(data(Fields::Positional, &one), "[7]");
    assert_eq!(data(Fields::Named(&["id"]), &one), r#"{"id":7}"#);
    let none = |out: &mut Vec<u8>, fields| encode_fields(fields, &(&None::<u8>,), out).unwrap();
    assert_eq!(data(Fields::Newtype, &none), "null");
    assert_eq!(data(Fields::Positional, &none), "[null]");
    assert_eq!(data(Fields::Named(&["id"]), &none), "{}");
}
