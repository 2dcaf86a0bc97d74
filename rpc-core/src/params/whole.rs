use serde::de::DeserializeOwned;

use super::{Decode, Shape, decode_value};
use crate::ErrorObject;

/// Holds all params of a method as one value, for `#[rpc(params)]`.
///
/// What members there are, and whether others are refused, is for the type to say.
#[derive(Debug)]
pub struct Whole<T>(pub T);

impl<T: DeserializeOwned + Send + 'static> Decode for Whole<T> {
    type Defaults = ();

    fn no_defaults() {}

    fn fill(raw: Option<&str>, _: Shape, (): &()) -> Result<Self, ErrorObject> {
        decode_value(raw).map(Self)
    }
}
