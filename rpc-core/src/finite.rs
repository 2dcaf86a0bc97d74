//! Writes JSON, and rejects NaN and infinity, which serde_json writes as `null`.
//!
//! It checks in debug builds and with the feature `finite-floats`. In other builds the check is not compiled.

use std::io;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::json::JsonText;

/// Writes a value as JSON.
#[inline]
pub(crate) fn to_writer<T: Serialize + ?Sized>(writer: impl io::Write, value: &T) -> Result<(), serde_json::Error> {
    #[cfg(any(debug_assertions, feature = "finite-floats"))]
    let value = &checked::Finite::new(value);
    serde_json::to_writer(writer, value)
}

/// Writes a value as JSON by the framework's own serializer, which is faster for large values.
#[inline]
pub(crate) fn to_text<T: Serialize + ?Sized>(text: &mut JsonText, value: &T) -> Result<(), serde_json::Error> {
    #[cfg(any(debug_assertions, feature = "finite-floats"))]
    let value = &checked::Finite::new(value);
    value.serialize(text)
}

/// Writes a value as JSON into a new allocation.
#[inline]
pub(crate) fn to_raw_value<T: Serialize + ?Sized>(value: &T) -> Result<Box<RawValue>, serde_json::Error> {
    #[cfg(any(debug_assertions, feature = "finite-floats"))]
    let value = &checked::Finite::new(value);
    serde_json::value::to_raw_value(value)
}

#[cfg(any(debug_assertions, feature = "finite-floats"))]
mod checked;

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Serialize;
    use serde_json::json;
    use serde_json::value::RawValue;

    use super::{to_raw_value, to_text, to_writer};
    use crate::json::JsonText;

    fn write<T: Serialize + ?Sized>(value: &T) -> Result<String, String> {
        let mut text = Vec::new();
        let written = to_writer(&mut text, value).map_err(|error| error.to_string());
        let raw = to_raw_value(value).map(|raw| raw.get().to_owned()).map_err(|error| error.to_string());
        let written = written.map(|()| String::from_utf8(text).unwrap());
        assert_eq!(written, raw);
        let mut text = JsonText::new(Vec::new(), usize::MAX);
        let ours = to_text(&mut text, value).map_err(|error| error.to_string());
        assert_eq!(written, ours.map(|()| String::from_utf8(text.into_bytes()).unwrap()));
        written
    }

    #[derive(Serialize)]
    struct StructOfFloats {
        x: f64,
        y: Option<f32>,
    }

    #[derive(Serialize)]
    enum EnumOfFloats {
        Unit,
        Newtype(f64),
        Tuple(f64, f32),
        Struct { side: f64 },
    }

    #[derive(Serialize)]
    struct TupleOfFloats(u8, f64);

    #[derive(Serialize)]
    struct UnitOfFloats;

    #[test]
    fn what_is_finite_is_written_as_serde_json_writes_it() {
        let raw = RawValue::from_string("[1.50]".to_owned()).unwrap();
        assert_eq!(write(&raw).unwrap(), "[1.50]");
        assert_eq!(write(&(1.5, "a", 'b', true, None::<u8>, UnitOfFloats, i128::MAX)).unwrap(), {
            serde_json::to_string(&(1.5, "a", 'b', true, None::<u8>, UnitOfFloats, i128::MAX)).unwrap()
        });
        let value = json!({ "a": [1, -2, 1.5, null, "text", { "b": true }] });
        assert_eq!(write(&value).unwrap(), value.to_string());
        assert_eq!(write(&StructOfFloats { x: 1.0, y: None }).unwrap(), r#"{"x":1.0,"y":null}"#);
        let shapes = [
            EnumOfFloats::Unit,
            EnumOfFloats::Newtype(1.0),
            EnumOfFloats::Tuple(1.0, 2.0),
            EnumOfFloats::Struct { side: 1.0 },
        ];
        assert_eq!(write(&shapes[..]).unwrap(), serde_json::to_string(&shapes[..]).unwrap());
        assert_eq!(write(&BTreeMap::from([(1, TupleOfFloats(1, 2.0))])).unwrap(), r#"{"1":[1,2.0]}"#);
        assert_eq!(write(&BTreeMap::from([((1, 2), 1)])).unwrap_err(), "key must be a string");
    }

    #[test]
    fn nan_and_infinity_are_errors_wherever_they_stand() {
        let hint = "which JSON has no number for; use an `Option` for what may be missing";
        assert_eq!(write(&f64::NAN).unwrap_err(), format!("NaN, {hint}"));
        assert_eq!(write(&f32::INFINITY).unwrap_err(), format!("inf, {hint}"));
        let point = StructOfFloats { x: 0.0, y: Some(f32::NEG_INFINITY) };
        assert_eq!(write(&[point]).unwrap_err(), format!("-inf in the field `y`, {hint}"));
        let nan = f64::NAN;
        let shapes =
            [EnumOfFloats::Newtype(nan), EnumOfFloats::Tuple(0.0, f32::NAN), EnumOfFloats::Struct { side: nan }];
        for shape in shapes {
            assert!(write(&shape).unwrap_err().starts_with("NaN"));
        }
        for value in
            [write(&TupleOfFloats(1, nan)), write(&Some(nan)), write(&BTreeMap::from([("a", nan)])), write(&(1, nan))]
        {
            assert!(value.unwrap_err().starts_with("NaN"));
        }
    }
}
