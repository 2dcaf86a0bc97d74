//! Defaults and properties: which changes are told, beside those of the values.

use serde_json::{Value, json};

use super::{base, changes, set};

/// Returns the changes of the optional parameter `depth`: their rules and places inside of it.
fn of_param(old: Value, new: Value, components: [Value; 2]) -> Vec<(&'static str, String)> {
    let (mut before, mut after) = (base(), base());
    let [of_old, of_new] = components;
    for (document, schema, component) in [(&mut before, old, of_old), (&mut after, new, of_new)] {
        set(document, "/methods/0/params/1/schema", schema);
        set(document, "/components/schemas/X", component);
    }
    let place = "user.get, param `depth`";
    let found = changes(before, after).into_iter().filter_map(|change| {
        let inner = change.place.strip_prefix(place)?;
        Some((change.rule.id(), inner.trim_start_matches(", ").to_owned()))
    });
    found.collect()
}

#[allow(clippy::needless_pass_by_value, reason = "the callers write JSON")]
fn properties(properties: Value) -> Value {
    json!({ "type": "object", "properties": properties })
}

#[test]
fn defaults_behind_references_and_alternatives_are_compared() {
    let x = |default: i32| json!({ "type": "integer", "default": default });
    let reference = || json!({ "$ref": "#/components/schemas/X" });
    let nullable = |schema: Value| json!({ "anyOf": [schema, { "type": "null" }] });
    let cases = [
        (reference(), ""),
        (json!({ "allOf": [reference()] }), ""),
        (properties(json!({ "a": reference() })), ".a"),
        (properties(json!({ "a": { "allOf": [reference()] } })), ".a"),
        (properties(json!({ "a": nullable(reference()) })), ".a"),
        (json!({ "type": "array", "items": reference() }), "[]"),
        (json!({ "type": "object", "additionalProperties": reference() }), ".*"),
    ];
    for (schema, place) in cases {
        let found = of_param(schema.clone(), schema.clone(), [x(1), x(2)]);
        assert_eq!(found, [("param-default-changed", place.to_owned())], "{schema}");
        assert_eq!(of_param(schema.clone(), schema, [x(1), x(1)]), []);
    }
    let found = of_param(nullable(x(1)), nullable(x(2)), [json!({}), json!({})]);
    assert_eq!(found, [("param-default-changed", String::new())]);
    // A default outside overrides those inside.
    let outside = json!({ "allOf": [reference()], "default": 3 });
    assert_eq!(of_param(outside.clone(), outside, [x(1), x(2)]), []);
    // It may move to the components.
    assert_eq!(of_param(x(1), reference(), [json!({}), x(1)]), []);
}

#[test]
fn violations_hide_no_unrelated_changes() {
    let none = || [json!({}), json!({})];
    let of_default = |default: i32, more: Value| {
        let mut schema = properties(json!({ "a": { "type": "integer", "default": default } }));
        schema.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        schema
    };
    let found = of_param(of_default(1, json!({})), of_default(2, json!({ "minProperties": 1 })), none());
    let expected = [("param-range-narrowed", String::new()), ("param-default-changed", ".a".to_owned())];
    assert_eq!(found, expected);
    let wide = json!({ "type": ["object", "string"] });
    let found = of_param(of_default(1, wide), of_default(2, json!({})), none());
    assert_eq!(found, [("param-type-narrowed", String::new()), ("param-default-changed", ".a".to_owned())]);
    let old = properties(json!({ "f": properties(json!({ "a": {}, "b": {} })) }));
    let mut new = properties(json!({ "f": properties(json!({ "a": {} })) }));
    new["properties"]["f"]["minProperties"] = json!(1);
    let found = of_param(old.clone(), new, none());
    let removed = ("param-optional-property-removed", ".f.b".to_owned());
    assert_eq!(found, [("param-range-narrowed", ".f".to_owned()), removed]);
    // If the value becomes another one, what was inside is no news.
    let found = of_param(old, properties(json!({ "f": { "type": "string" } })), none());
    assert_eq!(found, [("param-type-narrowed", ".f".to_owned())]);
}

#[test]
fn a_property_that_is_accepted_without_a_description_is_not_removed() {
    let none = || [json!({}), json!({})];
    let record = || properties(json!({ "a": properties(json!({ "b": { "type": "string" } })) }));
    let widened = [("param-widened", String::new())];
    for new in [json!({ "type": "object" }), json!(true), json!({ "additionalProperties": {} })] {
        assert_eq!(of_param(record(), new.clone(), none()), widened, "{new}");
    }
    let open = properties(json!({ "a": { "type": "object" } }));
    assert_eq!(of_param(record(), open, none()), widened);
}

#[test]
fn each_removed_property_is_told_once() {
    let none = || [json!({}), json!({})];
    let inner = || properties(json!({ "x": {} }));
    let old = properties(json!({ "a": inner(), "a-b": inner(), "c": {} }));
    let removed = |place: &str| ("param-optional-property-removed", place.to_owned());
    let found = of_param(old, properties(json!({ "c": {} })), none());
    assert_eq!(found, [removed(".a"), removed(".a-b")]);
}

#[test]
fn a_closed_schema_is_not_wider() {
    let none = || [json!({}), json!({})];
    let record = || properties(json!({ "a": { "type": "string" } }));
    let mut closed = record();
    closed["additionalProperties"] = json!(false);
    assert_eq!(of_param(record(), closed.clone(), none()), [("docs-changed", String::new())]);
    assert_eq!(of_param(closed, record(), none()), [("docs-changed", String::new())]);
}

#[test]
fn places_that_are_not_visited_are_not_removed() {
    let object = |index: usize| (format!("p{index:05}"), properties(json!({ "x": { "type": "integer" } })));
    let old: Value = (0..2600).map(object).collect();
    let mut new = old.clone();
    new["new"] = json!({ "type": "string" });
    new["a"] = properties(json!({ "y": { "type": "integer" } }));
    let (mut before, mut after) = (base(), base());
    set(&mut before, "/methods/0/result/schema", properties(old));
    set(&mut after, "/methods/0/result/schema", properties(new));
    let found: Vec<_> = changes(before, after).iter().map(ToString::to_string).collect();
    let added =
        |name: &str| format!("compatible  result-property-added  user.get, result, .{name}: the property is new");
    assert_eq!(found, [added("a"), added("new")]);
}
