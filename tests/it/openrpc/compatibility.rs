//! Compatibility of schemas: if the comparison finds nothing, then the official validator finds no value that is valid
//! under the one schema and invalid under the other.

mod choices;
mod mutations;
mod schemas;
mod values;

use std::cell::Cell;

use jsonschema::Validator;
use proptest::collection::vec;
use proptest::prelude::any;
use proptest::test_runner::{Config, TestCaseError, TestError, TestRunner};
use rpc::openrpc::{Description, Rule, SchemaIn, Undescribed, Violation, compare, violations};
use serde_json::{Value, json};

use choices::Choices;
use schemas::{Forms, PLACE};

use super::described;

/// How often each verdict was given, and how often it says something.
#[derive(Debug, Default)]
struct Counts {
    /// The schemas differ, no violation was found, and at least one value was valid under both.
    proven: Cell<u32>,
    /// A violation was found.
    violated: Cell<u32>,
    /// A violation was found, and one of the values shows it.
    shown: Cell<u32>,
    /// Values that were valid under the one schema where no violation was found.
    values: Cell<u32>,
}

fn add(count: &Cell<u32>, number: usize) {
    count.set(count.get() + u32::try_from(number).unwrap());
}

fn root(document: &Value) -> SchemaIn<'_> {
    SchemaIn { schema: &document[PLACE]["Root"], document }
}

fn found(a: &Value, b: &Value, undescribed: Undescribed) -> Vec<Violation> {
    violations(root(a), root(b), undescribed)
}

/// Builds the official validator of a document of schemas.
fn validator(document: &Value) -> Validator {
    let mut schema = json!({ "$ref": format!("#/{PLACE}/Root") });
    schema = json!({ "allOf": [schema], PLACE: document[PLACE] });
    schemas::write_formats_as_ranges(&mut schema);
    jsonschema::draft7::new(&schema).unwrap()
}

/// Compares a random pair of schemas, and checks the result with values of both. `closed` makes the schema whose values
/// are checked.
fn check(
    bytes: &[u8],
    forms: Forms,
    undescribed: Undescribed,
    counts: &Counts,
    closed: impl Fn(&Value) -> Value,
) -> Result<(), TestCaseError> {
    let mut choices = Choices::new(bytes);
    let (a, b) = mutations::pair(forms, &mut choices);
    let found = found(&a, &b, undescribed);
    let closed = closed(&a);
    // A closed alternative of `oneOf` excludes fewer values, so that the schema itself must allow them, too.
    let (under_a, under_closed, under_b) = (validator(&a), validator(&closed), validator(&b));
    let values = (0..8).map(|index| values::value(if index < 4 { &closed } else { &b }, &mut choices));
    let valid: Vec<_> = values.filter(|value| under_a.is_valid(value) && under_closed.is_valid(value)).collect();
    let witness = valid.iter().find(|value| !under_b.is_valid(value));
    if found.is_empty() {
        if let Some(value) = witness {
            return Err(TestCaseError::fail(format!("{value} is valid under\n{a:#}\nand not under\n{b:#}")));
        }
        add(&counts.proven, usize::from(a != b && !valid.is_empty()));
        add(&counts.values, valid.len());
    } else {
        add(&counts.violated, 1);
        add(&counts.shown, usize::from(witness.is_some()));
    }
    Ok(())
}

/// The number of cases of each test, unless `PROPTEST_CASES` says otherwise.
const CASES: u32 = 1100;

fn run(check: impl Fn(&[u8], &Counts) -> Result<(), TestCaseError>) {
    let default = Config::default();
    let cases = if std::env::var_os("PROPTEST_CASES").is_some() { default.cases } else { CASES };
    let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..default });
    let counts = Counts::default();
    // proptest repeats failed cases to shrink them. Their counts do not matter, since the test has failed.
    let result = runner.run(&vec(any::<u8>(), 900), |bytes| check(&bytes, &counts));
    match result {
        // The bytes of the case say nothing.
        Err(TestError::Fail(reason, _)) => panic!("{reason}"),
        Err(TestError::Abort(reason)) => panic!("{reason}"),
        Ok(()) => {}
    }
    println!("{counts:?}");
    let share = |count: &Cell<u32>| f64::from(count.get()) / f64::from(cases);
    assert!(share(&counts.proven) > 0.15, "{counts:?}");
    assert!(share(&counts.violated) > 0.25, "{counts:?}");
    assert!(share(&counts.shown) > 0.10, "{counts:?}");
    assert!(share(&counts.values) > 1.0, "{counts:?}");
}

#[test]
fn each_value_of_a_schema_is_valid_under_all_that_include_it() {
    run(|bytes, counts| check(bytes, Forms::All, Undescribed::Possible, counts, Value::clone));
}

#[test]
fn each_value_without_undescribed_properties_is_valid_under_all_that_include_it() {
    run(|bytes, counts| check(bytes, Forms::Plain, Undescribed::Absent, counts, schemas::closed));
}

#[test]
fn a_service_is_compatible_with_itself_whatever_the_order_of_its_methods() {
    let old = described().as_value().clone();
    let mut new = old.clone();
    new["methods"].as_array_mut().unwrap().reverse();
    let description = |document: Value| Description::try_from(document).unwrap();
    assert_eq!(compare(&description(old.clone()), &description(new.clone())), []);
    // A field of a type that several methods return is gone.
    let user = &mut new["components"]["schemas"]["UserOutput"];
    user["properties"].as_object_mut().unwrap().remove("name").unwrap();
    user["required"].as_array_mut().unwrap().retain(|name| name != "name");
    let changes = compare(&description(old), &description(new));
    let places: Vec<_> = changes.iter().map(|change| (change.rule, change.place.as_str())).collect();
    let removed = Rule::ResultPropertyRemoved;
    let list = "user.list, result, [].name";
    assert_eq!(
        places,
        [(removed, "user.create, result, .name"), (removed, "user.get, result, .name"), (removed, list)]
    );
}
