use serde::de::DeserializeOwned;

use super::{Decode, ParamsShape, decode_value};
use crate::ErrorObject;

/// All params of a method as one value, for `#[rpc(params)]`.
///
/// The type decides which members exist, and whether others are rejected.
#[derive(Debug)]
pub struct Whole<T>(pub T);

impl<T: DeserializeOwned + Send + 'static> Decode for Whole<T> {
    type Defaults = ();

    fn no_defaults() {}

    fn fill(raw: Option<&str>, _: ParamsShape, (): &()) -> Result<Self, ErrorObject> {
        decode_value(raw).map(Self)
    }
}
