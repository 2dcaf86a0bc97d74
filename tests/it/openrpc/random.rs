//! Random valid documents of version 1.4. Each component that references use is there, under the name `A`.

use proptest::collection::vec;
use proptest::prelude::*;
use serde_json::{Map, Value, json};

type Values = BoxedStrategy<Value>;

/// Makes documents whose references all lead somewhere.
pub(super) fn documents() -> Values {
    let methods = vec(method(), 0..4).prop_map(|mut methods| {
        for (index, method) in methods.iter_mut().enumerate() {
            method["name"] = format!("method{index}").into();
        }
        Value::Array(methods)
    });
    let version = (0..100_u8).prop_map(|patch| format!("1.4.{patch}").into());
    let required =
        [("openrpc", version.boxed()), ("info", info()), ("methods", methods.boxed()), ("components", components())];
    object(required, [("servers", list(server())), ("externalDocs", external_docs()), ("$schema", text())])
}

/// Makes objects with all of some members, some of others, and extensions.
fn object<const R: usize, const O: usize>(
    required: [(&'static str, Values); R],
    optional: [(&'static str, Values); O],
) -> Values {
    let always =
        required.into_iter().map(|(name, value)| value.prop_map(move |value| Some((name.to_owned(), value))).boxed());
    let sometimes = optional.into_iter().map(|(name, value)| {
        prop::option::of(value).prop_map(move |value| value.map(|value| (name.to_owned(), value))).boxed()
    });
    let members: Vec<_> = always.chain(sometimes).collect();
    (members, vec(("x-[a-z~/ é]{0,3}", any_json()), 0..2))
        .prop_map(|(members, extensions)| members.into_iter().flatten().chain(extensions).collect::<Map<_, _>>().into())
        .boxed()
}

/// Removes the extensions from objects for which the specification allows none.
fn closed(objects: Values) -> Values {
    objects
        .prop_map(|mut object| {
            object.as_object_mut().unwrap().retain(|name, _| !name.starts_with("x-"));
            object
        })
        .boxed()
}

fn list(items: Values) -> Values {
    vec(items, 0..3).prop_map(Value::Array).boxed()
}

/// Makes references to the component `A`, and items.
fn or_reference(kind: &'static str, items: Values) -> Values {
    prop_oneof![1 => Just(json!({ "$ref": format!("#/components/{kind}/A") })), 2 => items].boxed()
}

/// Makes components of a kind, of which `A` is one.
fn named(items: Values) -> Values {
    (items.clone(), vec(("[a-z]{1,4}", items), 0..2))
        .prop_map(|(first, others)| others.into_iter().chain([("A".to_owned(), first)]).collect::<Map<_, _>>().into())
        .boxed()
}

fn text() -> Values {
    "[a-z \"\\\\é\n]{1,6}".prop_map(Value::from).boxed()
}

fn uri() -> Values {
    "https://[a-z]{1,4}".prop_map(Value::from).boxed()
}

fn boolean() -> Values {
    any::<bool>().prop_map(Value::from).boxed()
}

fn any_json() -> Values {
    let leaf = prop_oneof![
        Just(Value::Null),
        boolean(),
        text(),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(|number: f64| Value::from(number)),
    ];
    let deeper = |inner: BoxedStrategy<Value>| {
        prop_oneof![
            list(inner.clone()),
            vec(("[a-z]{0,3}", inner), 0..3).prop_map(|members| members.into_iter().collect::<Map<_, _>>().into()),
        ]
    };
    leaf.prop_recursive(3, 12, 3, deeper).boxed()
}

fn schema() -> Values {
    let plain = object(
        [],
        [
            ("type", Just(json!("string")).boxed()),
            ("default", any_json()),
            ("items", or_reference("schemas", boolean())),
            ("properties", named(or_reference("schemas", Just(json!({})).boxed()))),
        ],
    );
    prop_oneof![plain, boolean()].boxed()
}

fn external_docs() -> Values {
    object([("url", uri())], [("description", text())])
}

fn info() -> Values {
    let license = object([], [("name", text()), ("url", uri())]);
    let contact = object([], [("name", text()), ("url", uri()), ("email", text())]);
    let optional = [("description", text()), ("termsOfService", uri()), ("license", license), ("contact", contact)];
    object([("title", text()), ("version", text())], optional)
}

fn server() -> Values {
    let variable = object([("default", text())], [("description", text()), ("enum", list(text()))]);
    let optional = [("name", text()), ("summary", text()), ("description", text()), ("variables", named(variable))];
    object([("url", uri())], optional)
}

fn descriptor() -> Values {
    let optional = [("summary", text()), ("description", text()), ("required", boolean()), ("deprecated", boolean())];
    object([("name", text()), ("schema", or_reference("schemas", schema()))], optional)
}

fn error() -> Values {
    let code = any::<i64>().prop_map(Value::from).boxed();
    closed(object([("code", code), ("message", text())], [("data", any_json())]))
}

fn tag() -> Values {
    object([("name", text())], [("description", text()), ("externalDocs", external_docs())])
}

fn link() -> Values {
    let optional = [
        ("name", text()),
        ("summary", text()),
        ("description", text()),
        ("method", text()),
        ("params", any_json()),
        ("server", server()),
    ];
    object([], optional)
}

fn example() -> Values {
    object([("name", text()), ("value", any_json())], [("summary", text()), ("description", text())])
}

fn pairing() -> Values {
    let params = list(or_reference("examples", example()));
    let optional = [("description", text()), ("result", or_reference("examples", example()))];
    object([("name", text()), ("params", params)], optional)
}

fn method() -> Values {
    let structure = prop_oneof![Just("by-name"), Just("by-position"), Just("either")].prop_map(Value::from);
    let optional = [
        ("summary", text()),
        ("description", text()),
        ("tags", list(or_reference("tags", tag()))),
        ("paramStructure", structure.boxed()),
        ("result", or_reference("contentDescriptors", descriptor())),
        ("errors", list(or_reference("errors", error()))),
        ("links", list(or_reference("links", link()))),
        ("examples", list(or_reference("examplePairings", pairing()))),
        ("servers", list(server())),
        ("deprecated", boolean()),
        ("externalDocs", external_docs()),
    ];
    object([("name", text()), ("params", list(or_reference("contentDescriptors", descriptor())))], optional)
}

fn components() -> Values {
    let kinds = [
        ("schemas", named(schema())),
        ("contentDescriptors", named(descriptor())),
        ("errors", named(error())),
        ("tags", named(tag())),
        ("links", named(link())),
        ("examples", named(example())),
        ("examplePairings", named(pairing())),
    ];
    object(kinds, [])
}
