//! Reports the methods, params, results and errors whose references lead to nothing. They cannot be compared.

use super::change::Change;
use super::rule::Rule;
use crate::openrpc::model::{Description, Method};

/// Reports the methods of both documents whose references lead to nothing.
pub(super) fn methods(old: &Description, new: &Description) -> Vec<Change> {
    let of = |description: &Description, age: &str| {
        let all = description.unresolved_methods().into_iter();
        all.map(|(index, reference)| unresolved(format!("methods, [{index}]"), reference, age)).collect::<Vec<_>>()
    };
    [of(old, "old"), of(new, "new")].concat()
}

/// Reports the parts of both forms of a method whose references lead to nothing.
pub(super) fn parts(old: &Method<'_>, new: &Method<'_>) -> Vec<Change> {
    let of = |method: &Method<'_>, age: &str| {
        let all = method.unresolved_parts().into_iter();
        all.map(|(part, reference)| unresolved(format!("{}, {part}", old.name()), reference, age)).collect::<Vec<_>>()
    };
    [of(old, "old"), of(new, "new")].concat()
}

fn unresolved(place: String, reference: &str, age: &str) -> Change {
    let message = format!("the reference `{reference}` of the {age} description leads to no such part of it");
    Change::new(Rule::ReferenceUnresolved, place, message)
}
