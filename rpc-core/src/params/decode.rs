use serde::de::DeserializeOwned;

use super::fill::{ParamSlot, fill};
use super::shape::{MemberNames, ParamsShape};
use crate::{ErrorObject, MethodSpec};

/// Decodes the params of a method into a tuple of up to 16 types, one for each parameter.
///
/// An object is decoded by name, an array by position. A missing parameter takes its default, or `None` if it is an
/// `Option`. `null` also means the default, unless the type accepts `null` itself.
pub trait Decode: Sized + Send + 'static {
    /// A default for each parameter that has one: `(Option<fn() -> A>, ..)`.
    type Defaults: Send + Sync + 'static;

    #[doc(hidden)]
    fn no_defaults() -> Self::Defaults;

    #[doc(hidden)]
    fn fill(raw: Option<&str>, shape: ParamsShape, defaults: &Self::Defaults) -> Result<Self, ErrorObject>;
}

/// Decodes the params of a method.
///
/// # Errors
///
/// Returns -32602, with data that names the parameter and what was expected.
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
    P::fill(raw, ParamsShape { names: MemberNames::Params(method.params), lenient: method.lenient }, defaults)
}

macro_rules! tuples {
    ($( ($($T:ident $value:ident $index:tt),*) )*) => { $(
        impl<$($T: DeserializeOwned + Send + 'static),*> Decode for ($($T,)*) {
            type Defaults = ($(Option<fn() -> $T>,)*);

            #[allow(clippy::unused_unit)]
            fn no_defaults() -> Self::Defaults {
                ($(None::<fn() -> $T>,)*)
            }

            // Programs have many tuples and few types in them. This code is compiled for each tuple, so it is short.
            #[allow(clippy::unused_unit, unused_variables)]
            fn fill(raw: Option<&str>, shape: ParamsShape, defaults: &Self::Defaults) -> Result<Self, ErrorObject> {
                $(let mut $value = ParamSlot::<$T>::new(defaults.$index);)*
                match fill(raw, shape, &mut [$(&mut $value),*]) {
                    Ok(()) => Ok(($($value.take(),)*)),
                    Err(error) => Err(error),
                }
            }
        }
    )* };
}

tuples! {
    ()
    (T0 t0 0)
    (T0 t0 0, T1 t1 1)
    (T0 t0 0, T1 t1 1, T2 t2 2)
    (T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3)
    (T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4)
    (T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4, T5 t5 5)
    (T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4, T5 t5 5, T6 t6 6)
    (T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4, T5 t5 5, T6 t6 6, T7 t7 7)
    (T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4, T5 t5 5, T6 t6 6, T7 t7 7, T8 t8 8)
    (T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4, T5 t5 5, T6 t6 6, T7 t7 7, T8 t8 8, T9 t9 9)
    (T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4, T5 t5 5, T6 t6 6, T7 t7 7, T8 t8 8, T9 t9 9, T10 t10 10)
    (T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4, T5 t5 5, T6 t6 6, T7 t7 7, T8 t8 8, T9 t9 9, T10 t10 10, T11 t11 11)
    (T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4, T5 t5 5, T6 t6 6, T7 t7 7, T8 t8 8, T9 t9 9, T10 t10 10, T11 t11 11, T12 t12 12)
    (T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4, T5 t5 5, T6 t6 6, T7 t7 7, T8 t8 8, T9 t9 9, T10 t10 10, T11 t11 11, T12 t12 12, T13 t13 13)
    (T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4, T5 t5 5, T6 t6 6, T7 t7 7, T8 t8 8, T9 t9 9, T10 t10 10, T11 t11 11, T12 t12 12, T13 t13 13, T14 t14 14)
    (T0 t0 0, T1 t1 1, T2 t2 2, T3 t3 3, T4 t4 4, T5 t5 5, T6 t6 6, T7 t7 7, T8 t8 8, T9 t9 9, T10 t10 10, T11 t11 11, T12 t12 12, T13 t13 13, T14 t14 14, T15 t15 15)
}
