use std::collections::BTreeMap;
use std::fmt::{self, Display};

use proptest::prelude::*;
use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};
use serde_json::value::RawValue;
use serde_json::{Value, json};

use super::JsonText;

fn write<T: Serialize + ?Sized>(value: &T) -> Result<String, String> {
    let mut text = JsonText::new(Vec::new(), usize::MAX);
    let written = value.serialize(&mut text);
    written.map(|()| String::from_utf8(text.into_bytes()).unwrap()).map_err(|error| error.to_string())
}

#[track_caller]
fn assert_same<T: Serialize + ?Sized>(value: &T) {
    assert_eq!(write(value), serde_json::to_string(value).map_err(|error| error.to_string()));
}

#[derive(Serialize)]
enum EnumOfEachKind {
    Unit,
    Newtype(u8),
    Tuple(u8, String),
    NoTuple(),
    Struct { side: f64, name: Option<String> },
    NoStruct {},
}

#[derive(Serialize)]
#[serde(tag = "kind", content = "of")]
enum Tagged {
    A(Vec<u8>),
    B { raw: Box<RawValue> },
}

#[derive(Serialize)]
struct Flat {
    #[serde(skip_serializing_if = "Option::is_none")]
    none: Option<u8>,
    #[serde(flatten)]
    more: BTreeMap<String, Value>,
    #[serde(rename = "a \"quoted\" name")]
    raw: Box<RawValue>,
    last: Newtype,
}

#[derive(Clone, Copy, Serialize, PartialEq, Eq, PartialOrd, Ord)]
struct Newtype(u64);

#[derive(Serialize)]
struct UnitStruct;

#[derive(PartialEq, Eq, PartialOrd, Ord, Serialize)]
enum ShapeKey {
    Unit,
    Newtype(u8),
    Tuple(u8, u8),
    Struct { side: u8 },
}

#[derive(Serialize)]
#[serde(tag = "kind")]
enum InternallyTagged {
    A { text: &'static str },
    B,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Untagged {
    A(u8),
    B { text: &'static str },
    C,
}

#[derive(Serialize)]
struct Nested {
    #[serde(flatten)]
    inner: InternallyTagged,
    #[serde(flatten)]
    untagged: Untagged,
    after: u8,
}

/// A value that displays itself in pieces. Each piece may need escapes.
struct DisplayPieces<'a>(&'a [&'a str]);

impl Display for DisplayPieces<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|piece| f.write_str(piece))
    }
}

impl Serialize for DisplayPieces<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Makes a value that calls one method of a serializer.
macro_rules! by {
    ($method:ident($($arg:expr),*)) => {{
        struct Once;
        impl Serialize for Once {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.$method($($arg),*)
            }
        }
        Once
    }};
}

#[test]
fn scalars_are_written_as_serde_json_writes_them() {
    assert_same(&(i8::MIN, i16::MIN, i32::MIN, i64::MIN, i128::MIN, u8::MAX, u16::MAX, u32::MAX));
    assert_same(&(u64::MAX, u128::MAX, true, false, (), UnitStruct, None::<u8>, Some('"'), 'é', '\u{1}'));
    let floats = [0.0, -0.0, 1.0, 1.5e300, 1e-7, 0.1, f64::MIN_POSITIVE, f64::NAN, f64::INFINITY];
    assert_same(&floats[..]);
    assert_same(&floats.map(|float| float as f32)[..]);
    assert_same(&by!(serialize_bytes(b"\x00a\xff")));
    assert_same(&by!(serialize_bytes(b"")));
}

#[test]
fn integers_are_written_as_serde_json_writes_them() {
    let lengths = [0, 1, 9, 10, 11, 42, 99, 100, 101, 127, 128, 255, 1_000, 65_536, i64::MAX];
    for value in lengths.iter().flat_map(|value| [*value, -value]) {
        assert_same(&(value, value as u64, i128::from(value), value as u128));
        assert_same(&(value as i8, value as i16, value as i32, value as u8, value as u16, value as u32));
        assert_same(&BTreeMap::from([(value, value as u64)]));
    }
}

#[test]
fn a_number_of_arbitrary_precision_is_written_as_it_is() {
    struct Number(&'static str);
    impl Serialize for Number {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            // serde_json does this with its feature `arbitrary_precision`.
            let mut number = serializer.serialize_struct("$serde_json::private::Number", 1)?;
            number.serialize_field("$serde_json::private::Number", self.0)?;
            number.end()
        }
    }
    let number = || Number("1.50e4000");
    let map = BTreeMap::from([("a", number())]);
    assert_eq!(
        write(&(number(), "behind", [number()], map)).unwrap(),
        r#"[1.50e4000,"behind",[1.50e4000],{"a":1.50e4000}]"#
    );
}

#[test]
fn compounds_are_written_as_serde_json_writes_them() {
    let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
    let name = Some("x\ny".to_owned());
    let shapes = [
        EnumOfEachKind::Unit,
        EnumOfEachKind::Newtype(1),
        EnumOfEachKind::Tuple(1, "a\\b".to_owned()),
        EnumOfEachKind::NoTuple(),
        EnumOfEachKind::Struct { side: 1.0, name },
        EnumOfEachKind::NoStruct {},
    ];
    assert_same(&shapes[..]);
    assert_same(&[Tagged::A(vec![1, 2]), Tagged::B { raw: raw(r#"{"a" : "\"" }"#) }]);
    let more = BTreeMap::from([("a".to_owned(), json!({ "b": [null, 1.5, "\u{7f}"] })), ("c".to_owned(), json!([]))]);
    assert_same(&Flat { none: None, more, raw: raw("[1.50]"), last: Newtype(7) });
    assert_same(&[InternallyTagged::A { text: "x\ty" }, InternallyTagged::B]);
    assert_same(&[Untagged::A(1), Untagged::B { text: "" }, Untagged::C]);
    assert_same(&Nested { inner: InternallyTagged::B, untagged: Untagged::B { text: "t" }, after: 1 });
    assert_same(&Nested { inner: InternallyTagged::A { text: "t" }, untagged: Untagged::C, after: 1 });
    assert_same(&(raw("1"), "behind", [raw("\"a\""), raw("{}")], Some(raw("null"))));
    assert_same(&json!({ "": {}, "a": [], "b": [{}, [[]]], "n": 18_446_744_073_709_551_615_u64 }));
    assert_same(&(Vec::<u8>::new(), BTreeMap::<u8, u8>::new(), ((),), [[1]; 3]));
}

#[test]
fn keys_are_written_as_serde_json_writes_them() {
    assert_same(&BTreeMap::from([("a\"b", 1), ("", 2)]));
    assert_same(&BTreeMap::from([(-1_i128, 1)]));
    assert_same(&BTreeMap::from([(u8::MAX, 1)]));
    assert_same(&BTreeMap::from([(true, 1)]));
    assert_same(&BTreeMap::from([('"', 1)]));
    assert_same(&BTreeMap::from([(Newtype(1), 1)]));
    assert_same(&BTreeMap::from([(Some(1), 1)]));
    assert_same(&BTreeMap::from([(None::<u8>, 1)]));
    assert_same(&BTreeMap::from([('é', 1)]));
    assert_same(&BTreeMap::from([(u128::MAX, 1)]));
    assert_same(&BTreeMap::from([(ShapeKey::Unit, 1)]));
    assert_same(&BTreeMap::from([(ShapeKey::Newtype(1), 1)]));
    assert_same(&BTreeMap::from([(ShapeKey::Tuple(1, 2), 1)]));
    assert_same(&BTreeMap::from([(ShapeKey::Struct { side: 1 }, 1)]));
    assert_same(&BTreeMap::from([(BTreeMap::from([(1, 1)]), 1)]));
    assert_same(&by!(collect_map([(by!(serialize_bytes(b"a")), 1)])));
    assert_same(&by!(collect_map([(by!(serialize_unit_struct("Unit")), 1)])));
    assert_same(&by!(collect_map([(DisplayPieces(&["a\"", "b"]), DisplayPieces(&[]))])));
    assert_same(&BTreeMap::from([((), 1)]));
    assert_same(&BTreeMap::from([((1, 2), 1)]));
    assert_same(&BTreeMap::from([(vec![1], 1)]));
    for float in [1.5, f64::NAN] {
        struct Map(f64);
        impl Serialize for Map {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_map([(self.0, self.0 as f32)])
            }
        }
        assert_same(&Map(float));
    }
}

#[test]
fn what_shows_itself_is_escaped_piece_by_piece() {
    for pieces in [&["a", "\"", "b\n", ""][..], &[], &["plain"]] {
        assert_same(&DisplayPieces(pieces));
        assert_same(&BTreeMap::from([(pieces.concat(), DisplayPieces(pieces))]));
    }
}

#[test]
fn errors_of_types_arrive_with_their_text() {
    struct Fails;
    impl Serialize for Fails {
        fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no \"way\""))
        }
    }
    assert_same(&("a", [Fails]));
}

#[test]
fn every_byte_is_escaped_wherever_it_stands() {
    for at in (0..40).chain(120..136) {
        for char in (0..=0x80).map(char::from).chain(['é', '😀', '\u{2028}']) {
            assert_same(&format!("{}{char}{}", "a".repeat(at), "b".repeat(at % 9)));
        }
    }
}

#[test]
fn nothing_is_written_beyond_the_limit() {
    let raw = RawValue::from_string(r#"[1.50, "raw"]"#.to_owned()).unwrap();
    let json = json!({ "text": "0123456789\n", "numbers": [1, 200, 2.5, true, null] });
    let value = (json, raw, DisplayPieces(&["a", "\"b"]), EnumOfEachKind::Tuple(1, "a\u{1}".to_owned()));
    let whole = serde_json::to_vec(&value).unwrap();
    for limit in 0..=whole.len() {
        let mut text = JsonText::new(Vec::new(), limit);
        let written = value.serialize(&mut text);
        assert_eq!((written.is_err(), text.is_over()), (limit < whole.len(), limit < whole.len()));
        assert!(text.as_bytes().len() <= limit && whole.starts_with(text.as_bytes()));
        text.truncate(0);
        let written = "\"".serialize(&mut text);
        assert_eq!((written.is_err(), text.is_over()), (limit < 4, limit < 4), "after an error");
        assert!(limit < 4 || text.as_bytes() == br#""\"""#);
    }
}

#[test]
fn a_long_string_leaves_room_for_the_end_of_an_answer() {
    let mut text = JsonText::new(Vec::with_capacity(256), usize::MAX);
    text.string(&"a".repeat(10_000)).unwrap();
    let before = text.as_bytes().as_ptr();
    text.push(br#","id":1}"#).unwrap();
    assert_eq!(text.as_bytes().as_ptr(), before);
}

proptest! {
    #[test]
    fn any_text_is_written_as_serde_json_writes_it(texts in prop::collection::vec(any::<String>(), 0..4)) {
        prop_assert_eq!(write(&texts), Ok(serde_json::to_string(&texts).unwrap()));
        let map: BTreeMap<_, _> = texts.iter().map(|text| (text, text.len())).collect();
        prop_assert_eq!(write(&map), Ok(serde_json::to_string(&map).unwrap()));
    }

    #[test]
    fn any_number_is_written_as_serde_json_writes_it(float in any::<f64>(), short in any::<f32>(), int in any::<i128>()) {
        let value = (float, short, int);
        prop_assert_eq!(write(&value), Ok(serde_json::to_string(&value).unwrap()));
    }
}
