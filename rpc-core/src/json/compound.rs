//! Arrays and objects: the parts of the serializer that write elements, fields and the brackets around them.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};
use serde_json::Error;

use super::key::MapKeySerializer;
use super::text::JsonText;

type Result<T = ()> = std::result::Result<T, Error>;

/// An array or an object that is being written.
pub(crate) struct Compound<'t> {
    text: &'t mut JsonText,
    lead: ElementPrefix,
}

/// The byte to write before the next element or member.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum ElementPrefix {
    Array = b'[',
    Object = b'{',
    Comma = b',',
    /// No byte. It is for the structs with one field by which serde_json forwards existing JSON: the text of a
    /// `RawValue` or of a number of arbitrary precision. The text is written without quotes, and the struct without
    /// brackets.
    Verbatim = 0,
}

impl<'t> Compound<'t> {
    /// Begins an array or an object. Its bracket is written before its first element or member.
    #[inline]
    pub(super) fn begin(text: &'t mut JsonText, lead: ElementPrefix) -> Self {
        Self { text, lead }
    }

    #[inline]
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        self.text.push(&[self.lead as u8])?;
        self.lead = ElementPrefix::Comma;
        value.serialize(&mut *self.text)
    }

    #[inline]
    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result {
        if self.lead == ElementPrefix::Verbatim {
            self.text.begin_verbatim();
        } else {
            self.text.name(self.lead as u8, name)?;
            self.lead = ElementPrefix::Comma;
        }
        value.serialize(&mut *self.text)
    }

    /// Ends an array or an object. For an enum variant, also ends the object around it.
    #[inline]
    fn end(self, empty: &[u8], close: &[u8]) -> Result {
        match self.lead {
            ElementPrefix::Comma => self.text.push(close),
            ElementPrefix::Verbatim => {
                self.text.end_verbatim();
                Ok(())
            }
            ElementPrefix::Array | ElementPrefix::Object => self.text.push(empty),
        }
    }
}

macro_rules! elements {
    ($($trait:ident, $method:ident, $empty:literal, $close:literal;)*) => { $(
        impl $trait for Compound<'_> {
            type Ok = ();
            type Error = Error;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
                self.element(value)
            }

            #[inline]
            fn end(self) -> Result {
                Self::end(self, $empty, $close)
            }
        }
    )* };
}

elements! {
    SerializeSeq, serialize_element, b"[]", b"]";
    SerializeTuple, serialize_element, b"[]", b"]";
    SerializeTupleStruct, serialize_field, b"[]", b"]";
    SerializeTupleVariant, serialize_field, b"[]}", b"]}";
}

macro_rules! fields {
    ($($trait:ident, $empty:literal, $close:literal;)*) => { $(
        impl $trait for Compound<'_> {
            type Ok = ();
            type Error = Error;

            #[inline]
            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result {
                self.field(name, value)
            }

            #[inline]
            fn end(self) -> Result {
                Self::end(self, $empty, $close)
            }
        }
    )* };
}

fields! {
    SerializeStruct, b"{}", b"}";
    SerializeStructVariant, b"{}}", b"}}";
}

impl SerializeMap for Compound<'_> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result {
        self.text.push(&[self.lead as u8])?;
        self.lead = ElementPrefix::Comma;
        key.serialize(MapKeySerializer(&mut *self.text))
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result {
        self.text.push(b":")?;
        value.serialize(&mut *self.text)
    }

    #[inline]
    fn end(self) -> Result {
        Self::end(self, b"{}", b"}")
    }
}
