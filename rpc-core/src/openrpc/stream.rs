//! Describes the stream with which a method answers: the extension `x-stream`.

use serde_json::{Map, Value, json};

use super::schemas::Schemas;
use super::types::MethodTypes;
use crate::{Lag, StreamSpec};

/// Describes a stream. Its references are those of written types.
pub(super) fn describe(stream: &StreamSpec, types: Option<&MethodTypes>, schemas: &mut Schemas) -> Value {
    let mut object = Map::new();
    let item = types.map_or_else(|| json!({}), |types| schemas.written(&types.result));
    object.insert("item".to_owned(), item);
    if stream.resume {
        let cursor = types.and_then(|types| types.cursor.as_ref());
        object.insert("cursor".to_owned(), cursor.map_or_else(|| json!({}), |cursor| schemas.written(cursor)));
    }
    object.insert("resume".to_owned(), stream.resume.into());
    object.insert("lag".to_owned(), lag(stream.lag));
    for (name, value) in [("subscribe", stream.subscribe), ("topic", stream.topic), ("unsubscribe", stream.unsubscribe)]
    {
        if let Some(value) = value {
            object.insert(name.to_owned(), value.into());
        }
    }
    Value::Object(object)
}

fn lag(lag: Lag) -> Value {
    match lag {
        Lag::Wait => "wait".into(),
        Lag::Latest => "latest".into(),
        Lag::DropOldest(most) => json!({ "dropOldest": most }),
        Lag::End => "end".into(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::types::{MethodTypes, TypeSpec};
    use crate::openrpc::{Description, Info, document};
    use crate::{After, Lag, MethodSpec, ParamSpec, ServiceSpec, StreamSpec};

    #[derive(schemars::JsonSchema)]
    #[allow(dead_code)]
    struct Tick {
        price: f64,
    }

    static TICKS: &MethodSpec = &MethodSpec::new("market.ticks")
        .params(const { &[ParamSpec::new("after").optional()] })
        .stream(StreamSpec::new().resume().lag(Lag::DropOldest(8)).subscribe("eth_subscribe").topic("ticks"))
        .openrpc(
            const {
                &MethodTypes::new(const { &[TypeSpec::of::<After<u64>>()] }, TypeSpec::of::<Tick>())
                    .cursor(TypeSpec::of::<u64>())
            },
        );
    static UNTYPED: &MethodSpec = &MethodSpec::new("market.raw").stream(StreamSpec::new().resume().unsubscribe("end"));
    static SERVICE: ServiceSpec = ServiceSpec::new("Market").methods(&[TICKS, UNTYPED]);

    #[test]
    fn streams_have_the_schemas_of_their_items_and_cursors_and_no_result() {
        let document = document(&Info::new("Market", "1.0.0"), &[&SERVICE]);
        let [untyped, ticks] = &document.as_value()["methods"].as_array().unwrap()[..] else { panic!() };
        let tick = json!({ "$ref": "#/components/schemas/Tick" });
        let cursor = json!({ "type": "integer", "format": "uint64", "minimum": 0 });
        let stream = json!({
            "item": tick,
            "cursor": cursor,
            "resume": true,
            "lag": { "dropOldest": 8 },
            "subscribe": "eth_subscribe",
            "topic": "ticks",
        });
        assert_eq!(ticks["x-stream"], stream);
        assert_eq!(ticks["result"]["schema"], json!({ "type": "null" }));
        assert_eq!(ticks["x-effect"], "none");
        assert_eq!(ticks["params"][0].get("required").unwrap_or(&json!(false)), false);
        assert_eq!(ticks["params"][0]["schema"]["type"], json!(["integer", "null"]));
        assert!(document.as_value()["components"]["schemas"]["Tick"].is_object());
        let any = json!({ "item": {}, "cursor": {}, "resume": true, "lag": "wait", "unsubscribe": "end" });
        assert_eq!(untyped["x-stream"], any);
    }

    #[test]
    fn described_streams_are_read_as_they_were_written() {
        let document = document(&Info::new("Market", "1.0.0"), &[&SERVICE]);
        let description: Description = document.description();
        let stream = description.method("market.ticks").unwrap().stream().unwrap();
        assert_eq!((stream.resume, stream.lag), (true, Lag::DropOldest(8)));
        assert_eq!((stream.subscribe, stream.topic, stream.unsubscribe), (Some("eth_subscribe"), Some("ticks"), None));
        assert_eq!(stream.cursor.and_then(|cursor| cursor["type"].as_str()), Some("integer"));
        assert_eq!(description.schema("#/methods/1/x-stream/item"), Some(stream.item));
        assert_eq!(serde_json::to_value(&description).unwrap(), *document.as_value());
    }

    #[test]
    fn what_has_another_form_is_no_described_stream() {
        for stream in [json!(true), json!({}), json!({ "item": 1 }), json!({ "item": {}, "lag": "newest" })] {
            let mut document = document(&Info::new("Market", "1.0.0"), &[&SERVICE]).as_value().clone();
            let Value::Array(methods) = &mut document["methods"] else { panic!() };
            methods[1]["x-stream"] = stream.clone();
            let description = Description::try_from(document.clone()).unwrap();
            assert_eq!(description.method("market.ticks").unwrap().stream(), None, "{stream}");
            assert_eq!(serde_json::to_value(&description).unwrap(), document);
        }
    }
}
