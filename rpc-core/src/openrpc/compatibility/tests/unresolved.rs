//! References that lead to nothing.

use serde_json::{Value, json};

use super::{base, changes, set};

fn reference(reference: &str) -> Value {
    json!({ "$ref": reference })
}

#[track_caller]
fn expect(pointer: &str, (old, new): (Value, Value), expected: &[(&str, &str)]) {
    let (mut before, mut after) = (base(), base());
    set(&mut before, pointer, old);
    set(&mut after, pointer, new);
    let found = changes(before, after);
    let found: Vec<_> = found.iter().filter(|change| change.rule.id() == "reference-unresolved").collect();
    let found: Vec<_> = found.iter().map(|change| (change.place.as_str(), change.message.as_str())).collect();
    let message = |(place, text): &(&str, &str)| {
        let (reference, age) = text.split_once(' ').unwrap();
        let message = format!("the reference `{reference}` of the {age} description leads to no such part of it");
        ((*place).to_owned(), message)
    };
    let expected: Vec<_> = expected.iter().map(message).collect();
    assert_eq!(found, expected.iter().map(|(place, text)| (place.as_str(), text.as_str())).collect::<Vec<_>>());
}

#[test]
fn each_part_whose_reference_leads_to_nothing_is_told() {
    let method = (json!([reference("#/components/methods/a")]), json!([]));
    expect("/methods", method, &[("methods, [0]", "#/components/methods/a old")]);
    let params = (json!([reference("x.json#/a")]), json!([reference("y.json#/b")]));
    let place = "user.get, params, [0]";
    expect("/methods/0/params", params, &[(place, "x.json#/a old"), (place, "y.json#/b new")]);
    let result = (reference("#/components/contentDescriptors/A"), reference("#/components/contentDescriptors/B"));
    let (place, a, b) =
        ("user.get, result", "#/components/contentDescriptors/A old", "#/components/contentDescriptors/B new");
    expect("/methods/0/result", result, &[(place, a), (place, b)]);
    let errors = (json!([]), json!([reference("#/components/errors/A")]));
    expect("/methods/0/errors", errors, &[("user.get, errors, [0]", "#/components/errors/A new")]);
}
