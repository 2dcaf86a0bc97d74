use serde::Serialize;
use serde::ser::{Impossible, Serializer};

use super::fields::Fields;
use super::shape::Names;
use crate::codec::write_string;
use crate::{MethodSpec, finite};

/// Encodes a tuple of up to 16 values, as the params of a call or the fields of an error.
pub trait Encode {
    #[doc(hidden)]
    fn each(&self, sink: &mut Sink<'_>) -> Result<(), serde_json::Error>;
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
    let form = if method.positional { Form::Trimmed } else { Form::Named(Names::Params(method.params)) };
    encode(form, params, out)
}

/// Writes a tuple as the data of an error.
pub(crate) fn encode_fields(fields: Fields, values: &dyn Encode, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    match fields {
        Fields::None => Ok(()),
        Fields::Newtype => encode(Form::Bare, values, out),
        Fields::Positional => encode(Form::Positional, values, out),
        Fields::Named(names) => encode(Form::Named(Names::Plain(names)), values, out),
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
    encode(Form::Bare, params, out)?;
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

fn encode(form: Form, params: &dyn Encode, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let mut sink = Sink::open(form, out);
    params.each(&mut sink)?;
    sink.close();
    Ok(())
}

#[derive(Clone, Copy, Debug)]
enum Form {
    /// An object, without the values that are `None`.
    Named(Names),
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
pub struct Sink<'o> {
    out: &'o mut Vec<u8>,
    form: Form,
    index: usize,
    /// Whether no value was written yet.
    first: bool,
    /// The end of the last value that is not `None`.
    kept: usize,
}

impl<'o> Sink<'o> {
    fn open(form: Form, out: &'o mut Vec<u8>) -> Self {
        match form {
            Form::Named(_) => out.push(b'{'),
            Form::Positional | Form::Trimmed => out.push(b'['),
            Form::Bare => {}
        }
        let kept = out.len();
        Self { out, form, index: 0, first: true, kept }
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), serde_json::Error> {
        let index = self.index;
        self.index += 1;
        let none = value.serialize(NoneProbe).is_ok();
        let name = match self.form {
            Form::Named(_) if none => return Ok(()),
            Form::Named(names) => {
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
            Form::Named(_) => self.out.push(b'}'),
            Form::Positional => self.out.push(b']'),
            Form::Trimmed => {
                self.out.truncate(self.kept);
                self.out.push(b']');
            }
            Form::Bare => {}
        }
    }
}

macro_rules! tuples {
    ($( ($($T:ident $index:tt),*) )*) => { $(
        #[allow(unused_variables)]
        impl<$($T: Serialize),*> Encode for ($($T,)*) {
            fn each(&self, sink: &mut Sink<'_>) -> Result<(), serde_json::Error> {
                $(sink.value(&self.$index)?;)*
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
struct Something;

impl std::fmt::Display for Something {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("not `None`")
    }
}

impl std::error::Error for Something {}

impl serde::ser::Error for Something {
    fn custom<T: std::fmt::Display>(_: T) -> Self {
        Self
    }
}

macro_rules! something {
    ($($method:ident($($type:ty),*) -> $ok:ty;)*) => { $(
        fn $method(self, $(_: $type),*) -> Result<$ok, Something> {
            Err(Something)
        }
    )* };
}

type Never = Impossible<(), Something>;

impl Serializer for NoneProbe {
    type Ok = ();
    type Error = Something;
    type SerializeSeq = Never;
    type SerializeTuple = Never;
    type SerializeTupleStruct = Never;
    type SerializeTupleVariant = Never;
    type SerializeMap = Never;
    type SerializeStruct = Never;
    type SerializeStructVariant = Never;

    fn serialize_none(self) -> Result<(), Something> {
        Ok(())
    }

    fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<(), Something> {
        Err(Something)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<(), Something> {
        Err(Something)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Something> {
        Err(Something)
    }

    fn collect_str<T: std::fmt::Display + ?Sized>(self, _: &T) -> Result<(), Something> {
        Err(Something)
    }

    something! {
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
        serialize_seq(Option<usize>) -> Never;
        serialize_tuple(usize) -> Never;
        serialize_tuple_struct(&'static str, usize) -> Never;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never;
        serialize_map(Option<usize>) -> Never;
        serialize_struct(&'static str, usize) -> Never;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never;
    }
}
