//! What holds for any id, any error, any params and any bytes.
#![forbid(unsafe_code)]

use proptest::collection::vec;
use proptest::prelude::{BoxedStrategy, Just, Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
use rpc_core::codec::{
    InvalidResponse, Output, ParseError, ParseLimits, Responder, close_request, open_request, parse, parse_replies,
    parse_reply,
};
use rpc_core::params::{decode, encode_params, encode_untyped};
use rpc_core::{ErrorObject, Id, IdRef, Message, MethodSpec, Packet, ParamSpec, Params};
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

/// Makes the text of any string, its characters written as they are or escaped in any way.
fn string_text() -> impl Strategy<Value = String> {
    // What JSON wants escaped becomes something plain here, as the escapes come by themselves.
    let plain = any::<char>().prop_map(|c| if c < ' ' || c == '"' || c == '\\' { 'x' } else { c });
    let character = prop_oneof![plain.prop_map(String::from), r"\\u[0-9a-fA-F]{4}", r#"\\["\\/bfnrt]"#];
    vec(character, 0..12).prop_map(|characters| format!("\"{}\"", characters.concat()))
}

fn number_text() -> BoxedStrategy<String> {
    prop_oneof![
        any::<i64>().prop_map(|number| number.to_string()),
        any::<u64>().prop_map(|number| number.to_string()),
        r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,20})?([eE][+-]?[0-9]{1,4})?",
    ]
    .boxed()
}

fn id_text() -> BoxedStrategy<String> {
    prop_oneof![Just("null".to_owned()), number_text(), string_text()].boxed()
}

/// Makes the text of any JSON value.
fn value_text() -> BoxedStrategy<String> {
    let leaf = prop_oneof![id_text(), Just("true".to_owned()), Just("false".to_owned())];
    leaf.prop_recursive(6, 48, 6, |value| {
        prop_oneof![
            vec(value.clone(), 0..6).prop_map(|values| format!("[ {} ]", values.join(" ,\n"))),
            vec((string_text(), value), 0..6).prop_map(|members| {
                let members: Vec<String> = members.iter().map(|(name, value)| format!("{name}:\t{value}")).collect();
                format!("{{{}}}", members.join(","))
            }),
        ]
    })
    .boxed()
}

/// Makes bytes that are nearly JSON: pieces of it in any order, or a value with a few bytes changed.
fn nearly_json() -> BoxedStrategy<Vec<u8>> {
    const PIECES: [&str; 28] = [
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        " ",
        "\n",
        "0",
        "-",
        "1e999",
        "null",
        "true",
        "\"jsonrpc\":",
        "\"2.0\"",
        "\"method\":",
        "\"a\"",
        "\"params\":",
        "\"id\":",
        "\"result\":",
        "\"error\":",
        "{\"code\":1,\"message\":\"m\"}",
        "\"\\ud800\"",
        "\u{feff}",
        "\u{c}",
        "\0",
    ];
    let pieces = vec(prop::sample::select(&PIECES[..]), 0..24).prop_map(|pieces| pieces.concat().into_bytes());
    let changed =
        (message_text(), vec((any::<prop::sample::Index>(), any::<u8>()), 0..3)).prop_map(|(text, changes)| {
            let mut bytes = text.into_bytes();
            for (index, byte) in changes {
                let index = index.index(bytes.len());
                bytes[index] = byte;
            }
            bytes
        });
    prop_oneof![pieces, changed, vec(any::<u8>(), 0..64)].boxed()
}

/// Makes a request or an answer, more or less, alone or in a batch.
fn message_text() -> BoxedStrategy<String> {
    let member = prop_oneof![
        4 => Just(r#""jsonrpc":"2.0""#.to_owned()),
        4 => string_text().prop_map(|method| format!(r#""method":{method}"#)),
        4 => id_text().prop_map(|id| format!(r#""id":{id}"#)),
        2 => value_text().prop_map(|params| format!(r#""params":{params}"#)),
        2 => value_text().prop_map(|result| format!(r#""result":{result}"#)),
        1 => value_text().prop_map(|error| format!(r#""error":{error}"#)),
        1 => (string_text(), value_text()).prop_map(|(name, value)| format!("{name}:{value}")),
    ];
    let message = vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(",")));
    let entry = prop_oneof![4 => message.clone(), 1 => value_text()];
    prop_oneof![message, value_text(), vec(entry, 0..6).prop_map(|entries| format!("[{}]", entries.join(",")))].boxed()
}

fn is_json(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| serde_json::from_str::<IgnoredAny>(text).is_ok())
}

/// Takes names and ids of any length.
fn taking(max_entries: usize) -> ParseLimits {
    let mut limits = ParseLimits::default();
    limits.max_entries = max_entries;
    limits.max_id_bytes = usize::MAX;
    limits.max_method_bytes = usize::MAX;
    limits
}

/// Returns the message of a request that was written by this crate.
fn read(request: &[u8]) -> Message<'_> {
    match parse(request, &taking(1)) {
        Ok(Packet::Single(message)) => message,
        other => panic!("{other:?} of {}", String::from_utf8_lossy(request)),
    }
}

proptest! {
    #[test]
    fn any_id_survives_byte_for_byte(text in id_text()) {
        let id: Id = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(id.to_string(), &*text);
        prop_assert_eq!(serde_json::to_string(&id).unwrap(), &*text);

        let mut request = open_request("m", |_| Ok(())).unwrap();
        close_request(&mut request, Some(&id));
        let Message::Call(echoed, _) = read(&request) else { panic!("{text} is no id") };
        prop_assert_eq!(echoed.as_json(), &*text);
        prop_assert_eq!(echoed.to_id(), id.clone());

        let mut output = Output::new(usize::MAX);
        Responder::new(&mut output, Some(echoed)).result(&()).unwrap();
        let answer = String::from_utf8(output.into_bytes()).unwrap();
        prop_assert_eq!(parse_reply(&answer).unwrap().id.map(IdRef::to_id), Some(id));
    }

    #[test]
    fn ids_of_integers_and_strings_are_what_they_were_made_of(number in any::<u64>(), text in any::<String>()) {
        prop_assert_eq!(Id::from(number).as_u64(), Some(number));
        prop_assert_eq!(Id::from(&*text).to_text(), Some(text));
    }

    #[test]
    fn any_error_survives(code in any::<i64>(), message in any::<String>(), data in prop::option::of(value_text())) {
        let mut error = ErrorObject::new(code, message);
        if let Some(data) = data {
            error = error.with_raw_data(RawValue::from_string(data).unwrap());
        }
        let text = serde_json::to_string(&error).unwrap();
        prop_assert_eq!(&serde_json::from_str::<ErrorObject>(&text).unwrap(), &error);

        let mut output = Output::new(usize::MAX);
        let written = Responder::new(&mut output, Some(IdRef::NULL)).error(&error);
        prop_assert_eq!(written, Err(error.code()));
        let answer = String::from_utf8(output.into_bytes()).unwrap();
        prop_assert_eq!(parse_reply(&answer).unwrap().outcome.unwrap().unwrap_err(), error);
    }

    #[test]
    fn any_error_of_a_server_is_read_or_kept_as_it_came(value in value_text(), code in any::<i64>()) {
        let outcome = |error: &str| {
            let answer = format!(r#"{{"jsonrpc":"2.0","error":{error},"id":1}}"#);
            parse_reply(&answer).unwrap().outcome.map(|said| said.map(str::to_owned))
        };
        match outcome(&value) {
            Ok(Err(_)) => prop_assert!(value.starts_with('{'), "only an object has a code"),
            Err(InvalidResponse::ForeignError(kept)) => prop_assert_eq!(kept.json().get(), &*value),
            none => prop_assert!(value == "null", "{none:?}"),
        }
        for error in [
            format!(r#"{{"code":"{code}","message":{value}}}"#),
            format!(r#"{{"details":{value},"code":{code}}}"#),
            format!(r#"{{"message":null,"code":{code},"data":{value}}}"#),
        ] {
            let Ok(Err(read)) = outcome(&error) else { panic!("{error}") };
            prop_assert_eq!(read.code().get(), code);
            let shown = serde_json::from_str::<String>(&value).unwrap_or(value.clone());
            prop_assert!(value == "null" || shown == read.message() || read.message() == error, "{error}: {read:?}");
        }
    }

    #[test]
    fn any_method_name_survives(name in any::<String>()) {
        let mut request = open_request(&name, |_| Ok(())).unwrap();
        close_request(&mut request, None);
        let Message::Notification(notification) = read(&request) else { panic!("{name:?} is no name") };
        prop_assert_eq!(&*notification.method, &*name);
    }

    #[test]
    fn any_params_survive_byte_for_byte(value in value_text()) {
        let value = RawValue::from_string(format!("[{value}]")).unwrap();
        let mut request = open_request("m", |out| encode_untyped(&value, out)).unwrap();
        close_request(&mut request, None);
        let Message::Notification(notification) = read(&request) else { panic!("{value} are no params") };
        prop_assert_eq!(notification.params, Some(value.get()));
        let params: Params = serde_json::from_str(notification.params.unwrap()).unwrap();
        prop_assert_eq!(serde_json::to_string(&params).unwrap(), value.get());
    }

    #[test]
    fn typed_params_survive_by_name_and_by_position(
        number in any::<i64>(),
        float in any::<f64>(),
        text in prop::option::of(any::<String>()),
        list in vec(any::<(u8, bool)>(), 0..4),
        last in prop::option::of(any::<char>()),
    ) {
        const PARAMS: &[ParamSpec] = &[
            ParamSpec::new("number"),
            ParamSpec::new("float"),
            ParamSpec::new("text").optional(),
            ParamSpec::new("list"),
            ParamSpec::new("last").optional(),
        ];
        const NAMED: &MethodSpec = &MethodSpec::new("m").params(PARAMS);
        const POSITIONAL: &MethodSpec = &MethodSpec::new("m").params(PARAMS).positional();

        let params = (number, float, text, list, last);
        for method in [NAMED, POSITIONAL] {
            let mut request = open_request("m", |out| encode_params(method, &params, out)).unwrap();
            close_request(&mut request, None);
            let Message::Notification(notification) = read(&request) else { panic!("{params:?} are no params") };
            let decoded = decode(notification.params, method, &(None, None, None, None, None));
            prop_assert_eq!(decoded, Ok(params.clone()));
        }
    }

    #[test]
    fn requests_are_json_exactly_where_serde_json_says_so(bytes in nearly_json(), max_entries in 1_usize..5) {
        match parse(&bytes, &taking(max_entries)) {
            Ok(Packet::Batch(entries)) => {
                prop_assert!(is_json(&bytes));
                prop_assert!((1..=max_entries).contains(&entries.len()));
                let raw: Vec<&RawValue> = serde_json::from_slice(&bytes).unwrap();
                prop_assert_eq!(entries.len(), raw.len());
            }
            Ok(Packet::Single(_)) => {
                prop_assert!(is_json(&bytes));
                prop_assert!(!bytes.trim_ascii_start().starts_with(b"["));
            }
            Err(ParseError::EmptyBatch) => prop_assert_eq!(serde_json::from_slice(&bytes).ok(), Some(Value::Array(vec![]))),
            // Reading stops at the entry that is too much, so what stands behind it may be anything.
            Err(ParseError::TooManyEntries { limit }) => prop_assert_eq!(limit, max_entries),
            Err(ParseError::NotJson(_)) => prop_assert!(!is_json(&bytes)),
        }
    }

    #[test]
    fn an_entry_means_in_a_batch_what_it_means_alone(entries in vec(message_text(), 1..5)) {
        let batch = format!("[{}]", entries.join(","));
        let Ok(Packet::Batch(read)) = parse(batch.as_bytes(), &taking(5)) else { panic!("{batch}") };
        prop_assert_eq!(read.len(), entries.len());
        for (entry, alone) in read.iter().zip(&entries) {
            match parse(alone.as_bytes(), &taking(5)) {
                Ok(Packet::Single(alone)) => prop_assert_eq!(format!("{entry:?}"), format!("{alone:?}")),
                _ => prop_assert!(matches!(entry, Message::Invalid(_)), "a batch within a batch"),
            }
        }
    }

    #[test]
    fn answers_are_read_where_serde_json_reads_them(bytes in nearly_json()) {
        let text = String::from_utf8_lossy(&bytes);
        let (one, many) = (parse_reply(&text), parse_replies(&text));
        prop_assert!(one.is_err() || is_json(text.as_bytes()));
        prop_assert!(many.is_err() || is_json(text.as_bytes()));
        if let Ok(value) = serde_json::from_str::<Value>(&text) {
            prop_assert!(one.is_ok());
            prop_assert_eq!(many.ok().map(|replies| replies.len()), value.as_array().map(Vec::len));
        }
    }
}
