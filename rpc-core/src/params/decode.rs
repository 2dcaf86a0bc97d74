use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeOwned, DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::absent::{MissingParam, Wanted};
use super::problem::Problem;
use crate::{ErrorObject, MethodSpec, ParamSpec};

/// Decodes the params of a method: a tuple of up to 16 types, one a parameter.
///
/// An object is read by name, an array by position. A parameter that is not given takes its default, or `None` where
/// it is an `Option`.
pub trait Decode: Sized + Send + 'static {
    /// Holds a default for each parameter that has one: `(Option<fn() -> A>, ..)`.
    type Defaults: Send + Sync + 'static;

    #[doc(hidden)]
    fn no_defaults() -> Self::Defaults;

    #[doc(hidden)]
    fn fill(raw: Option<&str>, shape: Shape, defaults: &Self::Defaults) -> Result<Self, ErrorObject>;
}

/// Decodes the params of a method.
///
/// # Errors
///
/// -32602, with data that names the parameter and what was expected.
///
/// # Example
///
/// ```
/// use rpc_core::{MethodSpec, ParamSpec, params::decode};
///
/// const LIST: &MethodSpec = &MethodSpec::new("list").params(&[ParamSpec::new("limit"), ParamSpec::new("after")]);
/// let ten: fn() -> u32 = || 10;
/// let params: (u32, Option<String>) = decode(Some(r#"{"after":"x"}"#), LIST, &(Some(ten), None)).unwrap();
/// assert_eq!(params, (10, Some("x".to_owned())));
/// # Ok::<(), serde_json::Error>(())
/// ```
pub fn decode<P: Decode>(raw: Option<&str>, method: &MethodSpec, defaults: &P::Defaults) -> Result<P, ErrorObject> {
    P::fill(raw, Shape { names: Names::Params(method.params), lenient: method.lenient }, defaults)
}

/// Says which members there are, and whether others are ignored.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    pub(crate) names: Names,
    pub(crate) lenient: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Names {
    /// Of a method's parameters. There may be fewer than values, where a description was written by hand.
    Params(&'static [ParamSpec]),
    /// Of an error's fields.
    Plain(&'static [&'static str]),
    /// Members have positions only.
    None,
}

impl Names {
    pub(super) fn len(self) -> usize {
        match self {
            Self::Params(params) => params.len(),
            Self::Plain(names) => names.len(),
            Self::None => 0,
        }
    }

    pub(super) fn get(self, index: usize) -> Option<&'static str> {
        match self {
            Self::Params(params) => params.get(index).map(|param| param.name),
            Self::Plain(names) => names.get(index).copied(),
            Self::None => None,
        }
    }

    fn position(self, name: &str) -> Option<usize> {
        (0..self.len()).find(|&index| self.get(index) == Some(name))
    }
}

/// Carries what the visitors of all tuples share. Problems are kept here, since an error of serde's is only text.
struct Filling {
    shape: Shape,
    problem: Option<Problem>,
}

impl Filling {
    fn name(&self, index: usize) -> String {
        self.shape.names.get(index).map_or_else(|| index.to_string(), str::to_owned)
    }

    fn fail<E: Error>(&mut self, problem: Problem) -> E {
        self.problem = Some(problem);
        E::custom("params do not fit")
    }

    fn at_fault<T, E: fmt::Display>(&mut self, index: usize, read: Result<T, E>) -> Result<T, E> {
        read.inspect_err(|error| {
            let parameter = Some(self.name(index));
            self.problem.get_or_insert_with(|| Problem::invalid(parameter, error));
        })
    }

    /// Reads the value of a member.
    fn member<'de, T: DeserializeOwned, M: MapAccess<'de>>(
        &mut self,
        map: &mut M,
        index: usize,
        slot: &mut Option<T>,
    ) -> Result<(), M::Error> {
        if slot.is_some() {
            let parameter = self.name(index);
            return Err(self.fail(Problem::Twice { parameter }));
        }
        let value = map.next_value();
        *slot = Some(self.at_fault(index, value)?);
        Ok(())
    }

    /// Reads the value at the next position, if there is one.
    fn element<'de, T: DeserializeOwned, S: SeqAccess<'de>>(
        &mut self,
        seq: &mut S,
        index: usize,
    ) -> Result<Option<T>, S::Error> {
        let value = seq.next_element();
        self.at_fault(index, value)
    }

    /// Completes a parameter that was not given.
    fn complete<T: DeserializeOwned, E: Error>(
        &mut self,
        index: usize,
        slot: Option<T>,
        default: Option<fn() -> T>,
    ) -> Result<T, E> {
        if let Some(value) = slot {
            return Ok(value);
        }
        if let Some(default) = default {
            return Ok(default());
        }
        T::deserialize(MissingParam).map_err(|Wanted(expected)| {
            let parameter = self.name(index);
            self.fail(Problem::Missing { parameter, expected })
        })
    }

    /// Refuses, or skips, what stands behind the last position.
    fn surplus<'de, S: SeqAccess<'de>>(&mut self, mut seq: S, known: usize) -> Result<(), S::Error> {
        let mut given = known;
        while seq.next_element::<IgnoredAny>()?.is_some() {
            given += 1;
        }
        if given > known && !self.shape.lenient {
            return Err(self.fail(Problem::TooMany { given, known }));
        }
        Ok(())
    }

    fn explain(self, error: &serde_json::Error) -> ErrorObject {
        self.problem.unwrap_or_else(|| Problem::invalid(None, error)).to_error_object()
    }
}

/// Reads a member's name as its position, without a copy of it. Unknown names read as `None` where they are ignored.
struct NameSeed<'f>(&'f mut Filling);

impl<'de> DeserializeSeed<'de> for NameSeed<'_> {
    type Value = Option<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameSeed<'_> {
    type Value = Option<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a parameter's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Self::Value, E> {
        let Shape { names, lenient } = self.0.shape;
        let position = names.position(name);
        if position.is_none() && !lenient {
            return Err(self.0.fail(Problem::Unknown { parameter: name.to_owned(), known: names }));
        }
        Ok(position)
    }
}

struct Fill<'f, P: Decode> {
    filling: &'f mut Filling,
    defaults: &'f P::Defaults,
}

macro_rules! tuples {
    ($( ($len:literal $(, $T:ident $value:ident $index:tt)*) )*) => { $(
        impl<$($T: DeserializeOwned + Send + 'static),*> Decode for ($($T,)*) {
            type Defaults = ($(Option<fn() -> $T>,)*);

            #[allow(clippy::unused_unit)]
            fn no_defaults() -> Self::Defaults {
                ($(None::<fn() -> $T>,)*)
            }

            fn fill(raw: Option<&str>, shape: Shape, defaults: &Self::Defaults) -> Result<Self, ErrorObject> {
                let mut filling = Filling { shape, problem: None };
                let fill = Fill::<Self> { filling: &mut filling, defaults };
                let filled = match raw {
                    None => fill.visit_unit(),
                    Some(raw) => serde_json::Deserializer::from_str(raw).deserialize_any(fill),
                };
                filled.map_err(|error| filling.explain(&error))
            }
        }

        #[allow(unused_mut, unused_variables, clippy::unused_unit)]
        impl<'de, $($T: DeserializeOwned + Send + 'static),*> Visitor<'de> for Fill<'_, ($($T,)*)> {
            type Value = ($($T,)*);

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("params by name or by position")
            }

            fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
                Ok(($(self.filling.complete($index, None, self.defaults.$index)?,)*))
            }

            fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self::Value, M::Error> {
                $(let mut $value = None::<$T>;)*
                while let Some(position) = map.next_key_seed(NameSeed(self.filling))? {
                    match position {
                        $(Some($index) => self.filling.member(&mut map, $index, &mut $value)?,)*
                        _ => drop(map.next_value::<IgnoredAny>()?),
                    }
                }
                Ok(($(self.filling.complete($index, $value, self.defaults.$index)?,)*))
            }

            fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self::Value, S::Error> {
                $(let $value = self.filling.element(&mut seq, $index)?;)*
                self.filling.surplus(seq, $len)?;
                Ok(($(self.filling.complete($index, $value, self.defaults.$index)?,)*))
            }
        }
    )* };
}

tuples! {
    (0)
    (1, T0 t0 0)
    (2, T0 t0 0, T1 t1 1)
    (3, T0 t0 0, T1 t1 1, T2 t2 2)
    (4, T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3)
    (5, T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4)
    (6, T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4, T5 t5 5)
    (7, T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4, T5 t5 5, T6 t6 6)
    (8, T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4, T5 t5 5, T6 t6 6, T7 t7 7)
    (9, T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4, T5 t5 5, T6 t6 6, T7 t7 7, T8 t8 8)
    (10, T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4, T5 t5 5, T6 t6 6, T7 t7 7, T8 t8 8, T9 t9 9)
    (11, T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4, T5 t5 5, T6 t6 6, T7 t7 7, T8 t8 8, T9 t9 9, T10 t10 10)
    (12, T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4, T5 t5 5, T6 t6 6, T7 t7 7, T8 t8 8, T9 t9 9, T10 t10 10, T11 t11 11)
    (13, T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4, T5 t5 5, T6 t6 6, T7 t7 7, T8 t8 8, T9 t9 9, T10 t10 10, T11 t11 11, T12 t12 12)
    (14, T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4, T5 t5 5, T6 t6 6, T7 t7 7, T8 t8 8, T9 t9 9, T10 t10 10, T11 t11 11, T12 t12 12, T13 t13 13)
    (15, T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4, T5 t5 5, T6 t6 6, T7 t7 7, T8 t8 8, T9 t9 9, T10 t10 10, T11 t11 11, T12 t12 12, T13 t13 13, T14 t14 14)
    (16, T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4, T5 t5 5, T6 t6 6, T7 t7 7, T8 t8 8, T9 t9 9, T10 t10 10, T11 t11 11, T12 t12 12, T13 t13 13, T14 t14 14, T15 t15 15)
}
