//! The schemas of a method.

use rpc::openrpc::Method;
use serde_json::Value;

/// Returns the schemas of a method, in the order of the text.
pub(super) fn schemas<'a>(method: Method<'a>) -> Vec<&'a Value> {
    let params = method.params().map(|param| param.schema.as_value());
    let result = method.result().map(|result| result.schema.as_value());
    let stream = method.stream().into_iter().flat_map(|stream| [Some(stream.item), stream.cursor]).flatten();
    params.chain(result).chain(stream).chain(method.errors().filter_map(|error| error.data_schema())).collect()
}
