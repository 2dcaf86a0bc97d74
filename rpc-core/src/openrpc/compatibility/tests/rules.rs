//! A change for each rule: it is found and named, and no other change is.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{base, changes, set};
use crate::openrpc::compatibility::Rule;

/// The schema of the required parameter, and that of the result.
const PARAM: &str = "/methods/0/params/0/schema";
const RESULT: &str = "/methods/0/result/schema";
const DATA: &str = "/methods/0/x-errors/1001/data";

/// Expects one change by one rule at a place, if the value at the pointer is replaced. `null` stands for no value.
#[track_caller]
fn expect(seen: &mut BTreeSet<Rule>, rule: Rule, pointer: &str, (old, new): (Value, Value), place: &str) {
    let (mut before, mut after) = (base(), base());
    set(&mut before, pointer, old);
    set(&mut after, pointer, new);
    let found: Vec<_> = changes(before, after).into_iter().map(|change| (change.rule, change.place)).collect();
    assert_eq!(found, [(rule, place.to_owned())], "{pointer}");
    seen.insert(rule);
}

/// Returns an object with properties, of which some are required.
#[allow(clippy::needless_pass_by_value, reason = "the callers write JSON")]
fn object(properties: Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

#[test]
fn each_rule_finds_its_change() {
    let mut seen = BTreeSet::new();
    methods(&mut seen);
    params(&mut seen);
    param_schemas(&mut seen);
    results(&mut seen);
    errors(&mut seen);
    calls(&mut seen);
    streams(&mut seen);
    documents(&mut seen);
    let missing: Vec<_> = Rule::ALL.iter().filter(|rule| !seen.contains(rule)).collect();
    assert!(missing.is_empty(), "no test for {missing:?}");
}

fn methods(seen: &mut BTreeSet<Rule>) {
    let other = || json!({ "name": "user.find", "params": [] });
    let all = |more: &[Value]| Value::Array([&[base()["methods"][0].clone()], more].concat());
    expect(seen, Rule::MethodRemoved, "/methods", (all(&[other()]), all(&[])), "user.find");
    expect(seen, Rule::MethodAdded, "/methods", (all(&[]), all(&[other()])), "user.find");
    let dangling = || json!({ "$ref": "x.json#/a" });
    let with_dangling = (all(&[]), all(&[dangling()]));
    expect(seen, Rule::ReferenceUnresolved, "/methods", with_dangling, "methods, [1]");
    let aliases = "/methods/0/x-aliases";
    expect(seen, Rule::AliasRemoved, aliases, (json!(["a", "b"]), json!(["b"])), "user.get");
    expect(seen, Rule::AliasAdded, aliases, (json!(["b"]), json!(["a", "b"])), "user.get");
    let mut renamed = base()["methods"][0].clone();
    renamed["name"] = json!("user.find");
    renamed["x-aliases"] = json!(["user.fetch", "user.get"]);
    expect(seen, Rule::MethodRenamed, "/methods/0", (base()["methods"][0].clone(), renamed), "user.get");
    expect(seen, Rule::DeprecatedAdded, "/methods/0/deprecated", (json!(null), json!(true)), "user.get");
    let deprecated = "/methods/0/params/1/deprecated";
    expect(seen, Rule::DeprecatedAdded, deprecated, (json!(null), json!(true)), "user.get, param `depth`");
    expect(seen, Rule::DocsChanged, "/methods/0/summary", (json!("a"), json!("b")), "user.get");
    expect(seen, Rule::DocsChanged, "/methods/0/x-note", (json!("a"), json!("b")), "user.get");
    expect(seen, Rule::DocsChanged, "/methods/0/params/1/description", (json!("a"), json!("b")), "user.get");
}

fn params(seen: &mut BTreeSet<Rule>) {
    let list = "/methods/0/params";
    let param = |name: &str, required: bool| json!({ "name": name, "required": required, "schema": { "type": "string", "description": name } });
    let (a, b, c) = (|| param("a", true), || param("b", true), || param("c", false));
    let of_a = "user.get, param `a`";
    let of_b = "user.get, param `b`";
    let of_c = "user.get, param `c`";
    expect(seen, Rule::ParamAddedRequired, list, (json!([a()]), json!([a(), b()])), of_b);
    expect(seen, Rule::ParamAddedOptional, list, (json!([a()]), json!([a(), c()])), of_c);
    expect(seen, Rule::ParamRemoved, list, (json!([a(), b()]), json!([a()])), of_b);
    expect(seen, Rule::ParamRenamed, list, (json!([a()]), json!([b()])), of_a);
    expect(seen, Rule::ParamBecameRequired, list, (json!([param("a", false)]), json!([a()])), of_a);
    expect(seen, Rule::ParamBecameOptional, list, (json!([a()]), json!([param("a", false)])), of_a);
    let default = "/methods/0/params/1/schema/default";
    let of_depth = "user.get, param `depth`";
    expect(seen, Rule::ParamDefaultChanged, default, (json!(2), json!(3)), of_depth);
    expect(seen, Rule::ParamDefaultChanged, default, (json!(null), json!(3)), of_depth);
    let structure = "/methods/0/paramStructure";
    let of_params = "user.get, params";
    for (old, new) in [("either", "by-name"), ("either", "by-position"), ("by-name", "by-position")] {
        expect(seen, Rule::ParamStructureNarrowed, structure, (json!(old), json!(new)), of_params);
    }
    expect(seen, Rule::ParamStructureWidened, structure, (json!("by-name"), json!("either")), of_params);
    let method = |structure: &str, params: Value| {
        let mut method = base()["methods"][0].clone();
        (method["paramStructure"], method["params"]) = (json!(structure), params);
        method
    };
    let renamed = (method("by-position", json!([a()])), method("by-position", json!([b()])));
    expect(seen, Rule::PositionalParamRenamed, "/methods/0", renamed, of_a);
    let whole = |schema: Value| {
        let mut method = method("either", json!([{ "name": "params", "schema": schema }]));
        method["x-params"] = json!("whole");
        method
    };
    let shape = (whole(json!({ "type": "object" })), method("either", json!([a()])));
    expect(seen, Rule::ParamsShapeChanged, "/methods/0", shape, of_params);
    let object = |types: Value| json!({ "type": "object", "additionalProperties": { "type": types } });
    let narrowed = (whole(object(json!(["integer", "string"]))), whole(object(json!("integer"))));
    expect(seen, Rule::ParamTypeNarrowed, "/methods/0", narrowed, "user.get, params, .*");
    let kept = (method("by-name", json!([a()])), whole(object(json!("integer"))));
    expect(seen, Rule::ParamTypeNarrowed, "/methods/0", kept, "user.get, params, .a");
}

#[test]
fn each_parameter_that_moves_is_told() {
    let param = |name: &str| json!({ "name": name, "required": true, "schema": {} });
    let both = |structure: &str, names: [&str; 2]| {
        let mut document = base();
        document["methods"][0]["paramStructure"] = json!(structure);
        document["methods"][0]["params"] = names.into_iter().map(param).collect();
        document
    };
    for (structure, rule) in
        [("either", Rule::ParamMoved), ("by-position", Rule::ParamMoved), ("by-name", Rule::NamedParamMoved)]
    {
        let found = changes(both(structure, ["a", "b"]), both(structure, ["b", "a"]));
        let found: Vec<_> = found.iter().map(|change| (change.rule, change.message.as_str())).collect();
        assert_eq!(found, [(rule, "position 1 became 2"), (rule, "position 2 became 1")], "{structure}");
    }
    // Positions do not matter by name, so that a new parameter in front moves none.
    let mut new = both("by-name", ["a", "b"]);
    new["methods"][0]["params"].as_array_mut().unwrap().insert(0, json!({ "name": "c", "schema": {} }));
    let found = changes(both("by-name", ["a", "b"]), new);
    assert_eq!(found.iter().map(|change| change.rule).collect::<Vec<_>>(), [Rule::ParamAddedOptional]);
}

#[test]
fn params_by_position_have_the_types_of_their_positions() {
    let params = |all: &[(&str, &str)]| {
        let mut document = base();
        document["methods"][0]["paramStructure"] = json!("by-position");
        let param = |(name, ty): &(&str, &str)| json!({ "name": name, "required": true, "schema": { "type": ty } });
        document["methods"][0]["params"] = all.iter().map(param).collect();
        document
    };
    let found = |old: &[(&str, &str)], new: &[(&str, &str)]| {
        let found = changes(params(old), params(new));
        found.into_iter().map(|change| (change.rule, change.place)).collect::<Vec<_>>()
    };
    let of = |name: &str| format!("user.get, param `{name}`");
    let renamed = |name: &str| (Rule::PositionalParamRenamed, of(name));
    let (integer, number) = ([("a", "integer")], [("b", "number")]);
    assert_eq!(found(&integer, &number), [renamed("a"), (Rule::ParamWidened, of("a"))]);
    let (old, new) = ([("a", "integer"), ("b", "string")], [("b", "integer"), ("a", "string")]);
    assert_eq!(found(&old, &new), [renamed("a"), renamed("b")]);
    let inserted = [("x", "string"), ("a", "integer")];
    assert_eq!(found(&integer, &inserted), [(Rule::ParamMoved, of("a")), (Rule::ParamAddedRequired, of("x"))]);
    assert_eq!(found(&old, &integer), [(Rule::ParamRemoved, of("b"))]);
}

fn param_schemas(seen: &mut BTreeSet<Rule>) {
    let mut one = |rule: Rule, old: Value, new: Value, inner: &str| {
        let place = format!("user.get, param `id`{}{inner}", if inner.is_empty() { "" } else { ", " });
        expect(seen, rule, PARAM, (old, new), &place);
    };
    let integer = || json!({ "type": "integer" });
    let of_format = |format: &str, min: i64| json!({ "type": "integer", "format": format, "minimum": min });
    one(Rule::ParamTypeNarrowed, json!({ "type": "number" }), integer(), "");
    one(Rule::ParamTypeNarrowed, json!({}), json!({ "enum": [1, 2] }), "");
    one(Rule::ParamNotNullable, json!({ "type": ["integer", "null"] }), integer(), "");
    one(Rule::ParamNotNullable, json!({ "anyOf": [integer(), { "type": "null" }] }), integer(), "");
    one(Rule::ParamEnumValueRemoved, json!({ "enum": ["asc", "desc"] }), json!({ "enum": ["desc"] }), "");
    one(Rule::ParamVariantRemoved, tagged(&["a", "b"]), tagged(&["a"]), "");
    one(Rule::ParamRangeNarrowed, of_format("uint64", 0), of_format("uint32", 0), "");
    one(Rule::ParamRangeNarrowed, json!({ "type": "string" }), json!({ "type": "string", "maxLength": 9 }), "");
    one(Rule::ParamFormatNarrowed, json!({ "type": "string" }), json!({ "type": "string", "format": "uuid" }), "");
    one(Rule::ParamFormatNarrowed, json!({ "type": "string" }), json!({ "type": "string", "pattern": "^a" }), "");
    let a = || object(json!({ "a": integer() }), &[]);
    let both = || object(json!({ "a": integer(), "b": integer() }), &[]);
    one(Rule::ParamPropertyRequired, a(), object(json!({ "a": integer() }), &["a"]), ".a");
    one(Rule::ParamPropertyRequired, a(), object(json!({ "a": {}, "b": {} }), &["b"]), ".b");
    let mut closed = a();
    closed["additionalProperties"] = json!(false);
    one(Rule::ParamPropertyRemoved, both(), closed, ".b");
    one(Rule::ParamOptionalPropertyRemoved, both(), a(), ".b");
    one(Rule::ParamPropertyAdded, a(), both(), ".b");
    one(Rule::ParamDefaultChanged, both(), object(json!({ "a": { "default": 1 }, "b": integer() }), &[]), ".a");
    one(Rule::ParamWidened, integer(), json!({ "type": "number" }), "");
    one(Rule::ParamWidened, of_format("uint32", 0), of_format("int64", i64::MIN), "");
    one(Rule::ParamWidened, json!({ "type": "string", "format": "uuid" }), json!({ "type": "string" }), "");
    let keys = |pattern: &str| json!({ "type": "object", "propertyNames": { "pattern": pattern } });
    one(Rule::ParamIncomparable, keys("^a"), keys("^b"), "");
    one(Rule::ParamIncomparable, integer(), json!({ "$ref": "users.json#/User" }), "");
    let items = |schema: Value| json!({ "type": "array", "items": object(json!({ "name": schema }), &["name"]) });
    one(Rule::ParamTypeNarrowed, items(json!({})), items(integer()), "[].name");
}

/// Returns an enum whose variants have a tag.
fn tagged(tags: &[&str]) -> Value {
    let variant = |tag: &&str| object(json!({ "kind": { "const": tag }, "value": { "type": "integer" } }), &["kind"]);
    json!({ "oneOf": tags.iter().map(variant).collect::<Vec<_>>() })
}

fn results(seen: &mut BTreeSet<Rule>) {
    let result = |schema: Value| json!({ "name": "result", "schema": schema });
    let place = "user.get, result";
    expect(seen, Rule::ResultRemoved, "/methods/0/result", (result(json!({})), json!(null)), place);
    expect(seen, Rule::ResultAdded, "/methods/0/result", (json!(null), result(json!({}))), place);
    let mut one = |rule: Rule, old: Value, new: Value, inner: &str| {
        let place = format!("user.get, result{}{inner}", if inner.is_empty() { "" } else { ", " });
        expect(seen, rule, RESULT, (old, new), &place);
    };
    let integer = || json!({ "type": "integer" });
    one(Rule::ResultTypeChanged, integer(), json!({ "type": "string" }), "");
    one(Rule::ResultTypeChanged, integer(), json!({ "type": "number" }), "");
    one(Rule::ResultTypeChanged, json!({ "enum": [1] }), json!({}), "");
    one(Rule::ResultNullable, integer(), json!({ "type": ["integer", "null"] }), "");
    one(Rule::ResultEnumValueAdded, json!({ "enum": ["a"] }), json!({ "enum": ["a", "b"] }), "");
    one(Rule::ResultVariantAdded, tagged(&["a"]), tagged(&["a", "b"]), "");
    let of_format = |format: &str| json!({ "type": "integer", "format": format, "minimum": 0 });
    one(Rule::ResultRangeWidened, of_format("uint8"), of_format("uint32"), "");
    one(Rule::ResultFormatChanged, json!({ "type": "string", "format": "uuid" }), json!({ "type": "string" }), "");
    let both = |required: &[&str]| object(json!({ "a": integer(), "b": integer() }), required);
    let a = || object(json!({ "a": integer() }), &["a"]);
    one(Rule::ResultPropertyRemoved, both(&["a", "b"]), a(), ".b");
    one(Rule::ResultOptionalPropertyRemoved, both(&["a"]), a(), ".b");
    one(Rule::ResultPropertyOptional, both(&["a", "b"]), both(&["a"]), ".b");
    one(Rule::ResultPropertyAdded, a(), both(&["a", "b"]), ".b");
    let mut closed = a();
    closed["additionalProperties"] = json!(false);
    one(Rule::ResultPropertyNotAllowed, closed, both(&["a"]), ".b");
    one(Rule::ResultNarrowed, json!({ "type": ["integer", "null"] }), integer(), "");
    one(Rule::ResultNarrowed, both(&["a"]), both(&["a", "b"]), "");
    let never = |schema: Value| json!({ "type": "object", "not": { "required": [schema] } });
    one(Rule::ResultIncomparable, never(json!("a")), never(json!("b")), "");
    // A type that contains itself.
    let mut renamed = base()["components"]["schemas"]["User"].clone();
    renamed["properties"]["id"] = json!({ "type": "string" });
    let user = (base()["components"]["schemas"]["User"].clone(), renamed);
    let (mut before, mut after) = (base(), base());
    set(&mut before, "/components/schemas/User", user.0);
    set(&mut after, "/components/schemas/User", user.1);
    let found: Vec<_> = changes(before, after).iter().map(ToString::to_string).collect();
    assert_eq!(found, ["wire  result-type-changed  user.get, result, .id: may be `string` now"]);
}

fn errors(seen: &mut BTreeSet<Rule>) {
    let place = "user.get, error 1001";
    let error = |code: i64| json!({ "code": code, "message": "busy" });
    let (one, both) = (|| json!([error(1001)]), || json!([error(1001), error(1002)]));
    expect(seen, Rule::ErrorAdded, "/methods/0/errors", (one(), both()), "user.get, error 1002");
    expect(seen, Rule::ErrorRemoved, "/methods/0/errors", (both(), one()), "user.get, error 1002");
    let data = "user.get, error 1001, data";
    expect(seen, Rule::ErrorDataChanged, DATA, (json!({ "type": "integer" }), json!({ "type": "string" })), data);
    expect(seen, Rule::ErrorDataChanged, DATA, (json!({ "type": "integer" }), json!(null)), place);
    expect(seen, Rule::ErrorDataAdded, DATA, (json!(null), json!({ "type": "integer" })), place);
    let name = "/methods/0/x-errors/1001/name";
    expect(seen, Rule::ErrorNameChanged, name, (json!("NotFound"), json!("Unknown")), place);
    let retryable = "/methods/0/x-errors/1001/retryable";
    expect(seen, Rule::ErrorNoLongerRetryable, retryable, (json!(true), json!(null)), place);
    expect(seen, Rule::ErrorBecameRetryable, retryable, (json!(null), json!(true)), place);
    expect(seen, Rule::DocsChanged, "/methods/0/errors/0/message", (json!("a"), json!("b")), place);
    let others = "/methods/0/x-other-errors";
    expect(seen, Rule::OthersNoLongerTaken, others, (json!(true), json!(null)), "user.get, errors");
    expect(seen, Rule::OthersTaken, others, (json!(null), json!(true)), "user.get, errors");
}

fn calls(seen: &mut BTreeSet<Rule>) {
    let mut one = |rule: Rule, member: &str, old: Value, new: Value| {
        expect(seen, rule, &format!("/methods/0/{member}"), (old, new), "user.get");
    };
    for (strong, weak) in [("none", json!("idempotent")), ("idempotent", json!("once")), ("none", json!(null))] {
        one(Rule::EffectWeakened, "x-effect", json!(strong), weak.clone());
        one(Rule::EffectStrengthened, "x-effect", weak, json!(strong));
    }
    one(Rule::TimeoutShortened, "x-timeout-ms", json!(2000), json!(1000));
    one(Rule::TimeoutShortened, "x-timeout-ms", json!(null), json!(1000));
    one(Rule::TimeoutExtended, "x-timeout-ms", json!(1000), json!(null));
    one(Rule::RoleAdded, "x-requires", json!(null), json!([]));
    one(Rule::RoleAdded, "x-requires", json!(null), json!(["admin"]));
    one(Rule::RoleAdded, "x-requires", json!([]), json!(["admin"]));
    one(Rule::RoleNoLongerAccepted, "x-requires", json!(["admin", "auditor"]), json!(["admin"]));
    one(Rule::RoleAccepted, "x-requires", json!(["admin"]), json!(["admin", "auditor"]));
    one(Rule::RoleAccepted, "x-requires", json!(["admin"]), json!([]));
    one(Rule::RoleAccepted, "x-requires", json!(["admin"]), json!(null));
}

fn streams(seen: &mut BTreeSet<Rule>) {
    let whole = "/methods/0/x-stream";
    let stream = |change: &dyn Fn(&mut Value)| {
        let mut stream = json!({
            "item": { "type": "integer" },
            "cursor": { "type": "integer" },
            "resume": true,
            "lag": { "dropOldest": 8 },
            "subscribe": "eth_subscribe",
            "topic": "users",
            "unsubscribe": "eth_unsubscribe",
        });
        change(&mut stream);
        stream
    };
    let same = || stream(&|_| {});
    let other =
        |member: &'static str, value: Value| stream(&move |stream| set(stream, &format!("/{member}"), value.clone()));
    let mut one = |rule, old: Value, new: Value, place| expect(seen, rule, whole, (old, new), place);
    one(Rule::MethodBecameStream, json!(null), same(), "user.get");
    one(Rule::MethodNoLongerStream, same(), json!(null), "user.get");
    for (rule, reverse, member, value) in [
        (Rule::ResumeRemoved, Rule::ResumeAdded, "resume", json!(false)),
        (Rule::SubscriptionRemoved, Rule::SubscriptionAdded, "subscribe", json!(null)),
        (Rule::SubscriptionRemoved, Rule::SubscriptionRemoved, "topic", json!("accounts")),
        (Rule::SubscriptionRemoved, Rule::SubscriptionAdded, "unsubscribe", json!(null)),
    ] {
        one(rule, same(), other(member, value.clone()), "user.get");
        one(reverse, other(member, value), same(), "user.get");
    }
    for lag in [json!("wait"), json!("latest"), json!("end"), json!({ "dropOldest": 9 }), json!(null)] {
        one(Rule::LagChanged, same(), other("lag", lag), "user.get");
    }
    one(Rule::ResultTypeChanged, same(), other("item", json!({ "type": "string" })), "user.get, item");
    one(Rule::ResultNarrowed, same(), other("item", json!({ "const": 1 })), "user.get, item");
    // The server writes cursors, and the client sends them back.
    let nullable = json!({ "type": ["integer", "null"] });
    one(Rule::ParamTypeNarrowed, other("cursor", json!({ "type": "number" })), same(), "user.get, cursor");
    one(Rule::ResultNullable, same(), other("cursor", nullable), "user.get, cursor");
    // What has an unknown form may be someone else's.
    one(Rule::DocsChanged, json!("a"), json!("b"), "user.get");
}

fn documents(seen: &mut BTreeSet<Rule>) {
    let schemas = "/components/schemas";
    let user = || base()["components"]["schemas"]["User"].clone();
    let one = || json!({ "User": user() });
    let both = || json!({ "User": user(), "Order": { "type": "string" } });
    expect(seen, Rule::SchemaAdded, schemas, (one(), both()), "schema `Order`");
    expect(seen, Rule::SchemaRemoved, schemas, (both(), one()), "schema `Order`");
    let renamed = json!({ "User": user(), "Purchase": { "type": "string", "description": "One." } });
    expect(seen, Rule::SchemaRenamed, schemas, (both(), renamed), "schema `Order`");
    let description = "/components/schemas/User/description";
    expect(seen, Rule::DocsChanged, description, (json!("a"), json!("b")), "schema `User`");
    expect(seen, Rule::DocsChanged, "/info/version", (json!("1"), json!("2")), "document");
    // These are tested where all parameters that move are told.
    seen.extend([Rule::ParamMoved, Rule::NamedParamMoved]);
}
