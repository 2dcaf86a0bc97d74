//! Keys of maps, which are strings in JSON: text unchanged, numbers and booleans in quotes, anything else an error.

use std::fmt::Display;

use serde::ser::{Error as _, Impossible, Serialize, Serializer};
use serde_json::Error;

use super::text::JsonText;

type Result<T = ()> = std::result::Result<T, Error>;
type ImpossibleKey = Impossible<(), Error>;

/// A serializer for the key of a map, which is a string in JSON: a string, or a scalar in quotes.
pub(super) struct MapKeySerializer<'t>(pub(super) &'t mut JsonText);

impl MapKeySerializer<'_> {
    #[inline(always)]
    fn quoted(self, write: impl FnOnce(&mut JsonText) -> Result) -> Result {
        self.0.push(b"\"")?;
        write(self.0)?;
        self.0.push(b"\"")
    }
}

#[cold]
fn no_key<T>() -> Result<T> {
    Err(Error::custom("key must be a string"))
}

#[cold]
fn not_finite() -> Error {
    Error::custom("float key must be finite (got NaN or +/-inf)")
}

macro_rules! scalars {
    ($($method:ident($type:ty);)*) => { $(
        fn $method(self, value: $type) -> Result {
            self.quoted(|text| text.$method(value))
        }
    )* };
}

macro_rules! no_keys {
    ($($method:ident($($type:ty),*) -> $ok:ty;)*) => { $(
        fn $method(self, $(_: $type),*) -> Result<$ok> {
            no_key()
        }
    )* };
}

impl Serializer for MapKeySerializer<'_> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = ImpossibleKey;
    type SerializeTuple = ImpossibleKey;
    type SerializeTupleStruct = ImpossibleKey;
    type SerializeTupleVariant = ImpossibleKey;
    type SerializeMap = ImpossibleKey;
    type SerializeStruct = ImpossibleKey;
    type SerializeStructVariant = ImpossibleKey;

    scalars! {
        serialize_bool(bool);
        serialize_i8(i8);
        serialize_i16(i16);
        serialize_i32(i32);
        serialize_i64(i64);
        serialize_i128(i128);
        serialize_u8(u8);
        serialize_u16(u16);
        serialize_u32(u32);
        serialize_u64(u64);
        serialize_u128(u128);
    }

    fn serialize_f32(self, value: f32) -> Result {
        if value.is_finite() { self.quoted(|text| text.serialize_f32(value)) } else { Err(not_finite()) }
    }

    fn serialize_f64(self, value: f64) -> Result {
        if value.is_finite() { self.quoted(|text| text.serialize_f64(value)) } else { Err(not_finite()) }
    }

    fn serialize_char(self, value: char) -> Result {
        self.0.string(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result {
        self.0.string(value)
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result {
        self.0.string(variant)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result {
        no_key()
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result {
        self.0.display(value)
    }

    no_keys! {
        serialize_bytes(&[u8]) -> ();
        serialize_none() -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_seq(Option<usize>) -> ImpossibleKey;
        serialize_tuple(usize) -> ImpossibleKey;
        serialize_tuple_struct(&'static str, usize) -> ImpossibleKey;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> ImpossibleKey;
        serialize_map(Option<usize>) -> ImpossibleKey;
        serialize_struct(&'static str, usize) -> ImpossibleKey;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> ImpossibleKey;
    }
}
