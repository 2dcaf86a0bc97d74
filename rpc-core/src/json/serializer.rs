//! The serializer itself: one value of any type, in serde_json's form.

use std::fmt::Display;

use serde::ser::{Serialize, SerializeSeq, Serializer};
use serde_json::Error;
use serde_json::ser::Formatter;

use super::compound::{Compound, ElementPrefix};
use super::text::JsonText;

type Result<T = ()> = std::result::Result<T, Error>;

/// The prefix of the names of the structs by which serde_json forwards existing JSON.
const VERBATIM: &str = "$serde_json::private::";

impl JsonText {
    /// Opens the object around an enum variant, up to the beginning of its content.
    fn variant(&mut self, variant: &str) -> Result {
        self.name(ElementPrefix::Object as u8, variant)
    }

    fn array(&mut self) -> Compound<'_> {
        Compound::begin(self, ElementPrefix::Array)
    }

    fn object(&mut self) -> Compound<'_> {
        Compound::begin(self, ElementPrefix::Object)
    }
}

macro_rules! integers {
    ($($method:ident($type:ty) by $write:ident;)*) => { $(
        #[inline]
        fn $method(self, value: $type) -> Result {
            self.$write(value.into())
        }
    )* };
}

impl<'t> Serializer for &'t mut JsonText {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Compound<'t>;
    type SerializeTuple = Compound<'t>;
    type SerializeTupleStruct = Compound<'t>;
    type SerializeTupleVariant = Compound<'t>;
    type SerializeMap = Compound<'t>;
    type SerializeStruct = Compound<'t>;
    type SerializeStructVariant = Compound<'t>;

    #[inline]
    fn serialize_bool(self, value: bool) -> Result {
        self.push(if value { b"true" } else { b"false" })
    }

    integers! {
        serialize_i8(i8) by signed;
        serialize_i16(i16) by signed;
        serialize_i32(i32) by signed;
        serialize_i64(i64) by signed;
        serialize_u8(u8) by unsigned;
        serialize_u16(u16) by unsigned;
        serialize_u32(u32) by unsigned;
        serialize_u64(u64) by unsigned;
    }

    fn serialize_i128(self, value: i128) -> Result {
        self.number(|formatter, out| formatter.write_i128(out, value))
    }

    fn serialize_u128(self, value: u128) -> Result {
        self.number(|formatter, out| formatter.write_u128(out, value))
    }

    fn serialize_f32(self, value: f32) -> Result {
        if !value.is_finite() {
            return self.serialize_unit();
        }
        self.number(|formatter, out| formatter.write_f32(out, value))
    }

    fn serialize_f64(self, value: f64) -> Result {
        if !value.is_finite() {
            return self.serialize_unit();
        }
        self.number(|formatter, out| formatter.write_f64(out, value))
    }

    fn serialize_char(self, value: char) -> Result {
        self.serialize_str(value.encode_utf8(&mut [0; 4]))
    }

    #[inline]
    fn serialize_str(self, value: &str) -> Result {
        self.string(value)
    }

    fn serialize_bytes(self, value: &[u8]) -> Result {
        let mut array = self.array();
        value.iter().try_for_each(|byte| array.serialize_element(byte))?;
        SerializeSeq::end(array)
    }

    fn serialize_none(self) -> Result {
        self.serialize_unit()
    }

    #[inline]
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result {
        self.push(b"null")
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result {
        self.string(variant)
    }

    #[inline]
    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result {
        value.serialize(self)
    }

    #[inline]
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result {
        self.variant(variant)?;
        value.serialize(&mut *self)?;
        self.push(b"}")
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Compound<'t>> {
        Ok(self.array())
    }

    fn serialize_tuple(self, _: usize) -> Result<Compound<'t>> {
        Ok(self.array())
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Compound<'t>> {
        Ok(self.array())
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<Compound<'t>> {
        self.variant(variant)?;
        Ok(self.array())
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Compound<'t>> {
        Ok(self.object())
    }

    #[inline]
    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Compound<'t>> {
        let lead = if name.starts_with(VERBATIM) { ElementPrefix::Verbatim } else { ElementPrefix::Object };
        Ok(Compound::begin(self, lead))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        _: usize,
    ) -> Result<Compound<'t>> {
        self.variant(variant)?;
        Ok(self.object())
    }

    fn collect_str<T: Display + ?Sized>(self, value: &T) -> Result {
        if self.is_verbatim() { self.string(&value.to_string()) } else { self.display(value) }
    }
}
