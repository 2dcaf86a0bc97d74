//! [`DescribedStream`]: the stream with which a method answers, as `x-stream` describes it.

use serde_json::Value;

use super::method::Method;
use crate::Lag;

/// The stream with which a method answers: the framework's extension `x-stream`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct DescribedStream<'a> {
    /// The schema of the items.
    pub item: &'a Value,
    /// The schema of the items' cursors, if they have cursors.
    pub cursor: Option<&'a Value>,
    /// Whether clients can resume the stream by cursor.
    pub resume: bool,
    /// What happens to items that the client does not read in time.
    pub lag: Lag,
    /// The method of the older subscription form that opens the stream.
    pub subscribe: Option<&'a str>,
    /// The first parameter that selects the stream among those with the same `subscribe`.
    pub topic: Option<&'a str>,
    /// The method of the older subscription form that ends the stream.
    pub unsubscribe: Option<&'a str>,
}

impl<'a> Method<'a> {
    /// Returns the stream with which the method answers (`x-stream`). `None`: it answers with its result alone.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::Lag;
    /// use rpc::openrpc::Description;
    /// use serde_json::json;
    ///
    /// let description = Description::try_from(json!({
    ///     "openrpc": "1.3.2",
    ///     "info": { "title": "Market", "version": "1.0.0" },
    ///     "methods": [{
    ///         "name": "market.ticks",
    ///         "params": [],
    ///         "result": { "name": "result", "schema": { "type": "null" } },
    ///         "x-stream": { "item": { "type": "number" }, "resume": false, "lag": "latest" },
    ///     }],
    /// }))?;
    /// let stream = description.method("market.ticks").and_then(|method| method.stream());
    /// assert!(stream.is_some_and(|stream| stream.lag == Lag::Latest && stream.item["type"] == "number"));
    /// # Ok::<(), rpc::openrpc::DescriptionError>(())
    /// ```
    pub fn stream(&self) -> Option<DescribedStream<'a>> {
        let members = self.extension("x-stream")?.as_object()?;
        let is_schema = |schema: &&Value| schema.is_object() || schema.is_boolean();
        let text = |name: &str| members.get(name).and_then(Value::as_str);
        Some(DescribedStream {
            item: members.get("item").filter(is_schema)?,
            cursor: members.get("cursor").filter(is_schema),
            resume: members.get("resume").is_some_and(|resume| *resume == true),
            lag: members.get("lag").map_or(Some(Lag::Wait), read_lag)?,
            subscribe: text("subscribe"),
            topic: text("topic"),
            unsubscribe: text("unsubscribe"),
        })
    }
}

fn read_lag(lag: &Value) -> Option<Lag> {
    match lag.as_str() {
        Some("wait") => Some(Lag::Wait),
        Some("latest") => Some(Lag::Latest),
        Some("end") => Some(Lag::End),
        Some(_) => None,
        None => usize::try_from(lag.get("dropOldest")?.as_u64()?).ok().map(Lag::DropOldest),
    }
}
