use serde::Serialize;
use serde::ser::{Impossible, Serializer};

use super::fields::Fields;
use super::shape::MemberNames;
use crate::codec::write_string;
use crate::{MethodSpec, finite};

/// Encodes a tuple of up to 16 values, as the params of a call or the fields of an error.
pub trait Encode {
    #[doc(hidden)]
    fn each(&self, writer: &mut TupleWriter<'_>) -> Result<(), serde_json::Error>;
}

/// Writes the params of a method in the form that its description requires: by name, as an array, or as one value for
/// all params.
///
/// An `Option` that is `None` is left out if the form allows it. So an older server sees a new parameter only if a
/// caller uses it.
///
/// # Errors
///
/// Returns an error if a value cannot be written as JSON, or if the one value for all params is neither an array, an
/// object nor null.
pub fn encode_params(method: &MethodSpec, params: &dyn Encode, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    if method.params.is_empty() {
        return if method.whole_params { encode_whole(params, out) } else { Ok(()) };
    }
    let form =
        if method.positional { TupleForm::Trimmed } else { TupleForm::Named(MemberNames::Params(method.params)) };
    encode(form, params, out)
}

/// Writes a tuple as the data of an error.
pub(crate) fn encode_fields(fields: Fields, values: &dyn Encode, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    match fields {
        Fields::None => Ok(()),
        Fields::Newtype => encode(TupleForm::Bare, values, out),
        Fields::Positional => encode(TupleForm::Positional, values, out),
        Fields::Named(names) => encode(TupleForm::Named(MemberNames::Plain(names)), values, out),
    }
}

/// Writes one value as all params.
///
/// # Errors
///
/// Returns an error if the value cannot be written as JSON, or is neither an array, an object nor null.
pub fn encode_untyped<P: Serialize>(params: &P, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let start = out.len();
    finite::to_writer(&mut *out, params)?;
    must_be_params(start, out)
}

/// Writes a tuple of one value as all params.
fn encode_whole(params: &dyn Encode, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let start = out.len();
    encode(TupleForm::Bare, params, out)?;
    must_be_params(start, out)
}

/// Checks that the written value can be the params of a request. Removes `null`, which means the same as no params.
fn must_be_params(start: usize, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    match &out[start..] {
        b"null" => out.truncate(start),
        [b'{' | b'[', ..] => {}
        _ => return Err(serde::ser::Error::custom("params must be an array, an object or null")),
    }
    Ok(())
}

fn encode(form: TupleForm, params: &dyn Encode, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let mut writer = TupleWriter::open(form, out);
    params.each(&mut writer)?;
    writer.close();
    Ok(())
}

#[derive(Clone, Copy, Debug)]
enum TupleForm {
    /// An object, without the values that are `None`.
    Named(MemberNames),
    /// An array.
    Positional,
    /// An array without the trailing values that are `None`.
    Trimmed,
    /// No brackets.
    Bare,
}

/// A sink for the values of a tuple, in order.
#[doc(hidden)]
#[derive(Debug)]
pub struct TupleWriter<'o> {
    out: &'o mut Vec<u8>,
    form: TupleForm,
    index: usize,
    /// Whether no value was written yet.
    first: bool,
    /// The end of the last value that is not `None`.
    kept: usize,
}

impl<'o> TupleWriter<'o> {
    fn open(form: TupleForm, out: &'o mut Vec<u8>) -> Self {
        match form {
            TupleForm::Named(_) => out.push(b'{'),
            TupleForm::Positional | TupleForm::Trimmed => out.push(b'['),
            TupleForm::Bare => {}
        }
        let kept = out.len();
        Self { out, form, index: 0, first: true, kept }
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), serde_json::Error> {
        let index = self.index;
        self.index += 1;
        let none = value.serialize(NoneProbe).is_ok();
        let name = match self.form {
            TupleForm::Named(_) if none => return Ok(()),
            TupleForm::Named(names) => {
                let nameless =
                    || serde::ser::Error::custom("the method's description has fewer parameters than the call");
                Some(names.get(index).ok_or_else(nameless)?)
            }
            _ => None,
        };
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        if let Some(name) = name {
            write_string(name, self.out);
            self.out.push(b':');
        }
        finite::to_writer(&mut *self.out, value)?;
        if !none {
            self.kept = self.out.len();
        }
        Ok(())
    }

    fn close(self) {
        match self.form {
            TupleForm::Named(_) => self.out.push(b'}'),
            TupleForm::Positional => self.out.push(b']'),
            TupleForm::Trimmed => {
                self.out.truncate(self.kept);
                self.out.push(b']');
            }
            TupleForm::Bare => {}
        }
    }
}

macro_rules! tuples {
    ($( ($($T:ident $index:tt),*) )*) => { $(
        #[allow(unused_variables)]
        impl<$($T: Serialize),*> Encode for ($($T,)*) {
            fn each(&self, writer: &mut TupleWriter<'_>) -> Result<(), serde_json::Error> {
                $(writer.value(&self.$index)?;)*
                Ok(())
            }
        }
    )* };
}

tuples! {
    ()
    (T0 0)
    (T0 0, T1 1)
    (T0 0, T1 1, T2 2)
    (T0 0, T1 1, T2 2, T3 3)
    (T0 0, T1 1, T2 2, T3 3, T4 4)
    (T0 0, T1 1, T2 2, T3 3, T4 4, T5 5)
    (T0 0, T1 1, T2 2, T3 3, T4 4, T5 5, T6 6)
    (T0 0, T1 1, T2 2, T3 3, T4 4, T5 5, T6 6, T7 7)
    (T0 0, T1 1, T2 2, T3 3, T4 4, T5 5, T6 6, T7 7, T8 8)
    (T0 0, T1 1, T2 2, T3 3, T4 4, T5 5, T6 6, T7 7, T8 8, T9 9)
    (T0 0, T1 1, T2 2, T3 3, T4 4, T5 5, T6 6, T7 7, T8 8, T9 9, T10 10)
    (T0 0, T1 1, T2 2, T3 3, T4 4, T5 5, T6 6, T7 7, T8 8, T9 9, T10 10, T11 11)
    (T0 0, T1 1, T2 2, T3 3, T4 4, T5 5, T6 6, T7 7, T8 8, T9 9, T10 10, T11 11, T12 12)
    (T0 0, T1 1, T2 2, T3 3, T4 4, T5 5, T6 6, T7 7, T8 8, T9 9, T10 10, T11 11, T12 12, T13 13)
    (T0 0, T1 1, T2 2, T3 3, T4 4, T5 5, T6 6, T7 7, T8 8, T9 9, T10 10, T11 11, T12 12, T13 13, T14 14)
    (T0 0, T1 1, T2 2, T3 3, T4 4, T5 5, T6 6, T7 7, T8 8, T9 9, T10 10, T11 11, T12 12, T13 13, T14 14, T15 15)
}

/// A serializer that succeeds for an `Option` that is `None`, and fails for anything else. It decides by the first
/// call.
struct NoneProbe;

/// The error that the value is not `None`.
#[derive(Debug)]
struct NotNone;

impl std::fmt::Display for NotNone {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not `None`")
    }
}

impl std::error::Error for NotNone {}

impl serde::ser::Error for NotNone {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self
    }
}

macro_rules! not_none {
    ($($method:ident($($type:ty),*) -> $ok:ty;)*) => { $(
        fn $method(self, $(_: $type),*) -> Result<$ok, NotNone> {
            Err(NotNone)
        }
    )* };
}

type ImpossibleNone = Impossible<(), NotNone>;

impl Serializer for NoneProbe {
    type Ok = ();
    type Error = NotNone;
    type SerializeSeq = ImpossibleNone;
    type SerializeTuple = ImpossibleNone;
    type SerializeTupleStruct = ImpossibleNone;
    type SerializeTupleVariant = ImpossibleNone;
    type SerializeMap = ImpossibleNone;
    type SerializeStruct = ImpossibleNone;
    type SerializeStructVariant = ImpossibleNone;

    fn serialize_none(self) -> Result<(), NotNone> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), NotNone> {
        Err(NotNone)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<(), NotNone> {
        Err(NotNone)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), NotNone> {
        Err(NotNone)
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, _: &T) -> Result<(), NotNone> {
        Err(NotNone)
    }

    not_none! {
        serialize_bool(bool) -> ();
        serialize_i8(i8) -> ();
        serialize_i16(i16) -> ();
        serialize_i32(i32) -> ();
        serialize_i64(i64) -> ();
        serialize_i128(i128) -> ();
        serialize_u8(u8) -> ();
        serialize_u16(u16) -> ();
        serialize_u32(u32) -> ();
        serialize_u64(u64) -> ();
        serialize_u128(u128) -> ();
        serialize_f32(f32) -> ();
        serialize_f64(f64) -> ();
        serialize_char(char) -> ();
        serialize_str(&str) -> ();
        serialize_bytes(&[u8]) -> ();
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_unit_variant(&'static str, u32, &'static str) -> ();
        serialize_seq(Option<usize>) -> ImpossibleNone;
        serialize_tuple(usize) -> ImpossibleNone;
        serialize_tuple_struct(&'static str, usize) -> ImpossibleNone;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> ImpossibleNone;
        serialize_map(Option<usize>) -> ImpossibleNone;
        serialize_struct(&'static str, usize) -> ImpossibleNone;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> ImpossibleNone;
    }
}
