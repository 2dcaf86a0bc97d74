//! Errors with one code.

use serde_json::{Value, json};

use super::{base, changes, set};
use crate::openrpc::compatibility::Rule;

fn with_errors(messages: &[&str]) -> Value {
    let mut document = base();
    let errors = messages.iter().map(|message| json!({ "code": 1001, "message": message })).collect();
    set(&mut document, "/methods/0/errors", errors);
    set(&mut document, "/methods/0/x-errors", json!(null));
    document
}

#[test]
fn each_error_of_one_code_is_compared() {
    let found = |old: &[&str], new: &[&str]| {
        let found = changes(with_errors(old), with_errors(new));
        found.into_iter().map(|change| (change.rule, change.message)).collect::<Vec<_>>()
    };
    assert_eq!(
        found(&["A", "B"], &["B", "A"]),
        [(Rule::DocsChanged, "a text, an annotation or an extension differs".to_owned())]
    );
    let renamed = r#"the message was "A" and is "Z""#.to_owned();
    assert_eq!(found(&["A", "B"], &["Z", "B"]), [(Rule::DocsChanged, renamed)]);
    assert_eq!(found(&["A", "B"], &["B"]), [(Rule::ErrorRemoved, "`A` is removed".to_owned())]);
    assert_eq!(found(&["B"], &["A", "B"]), [(Rule::ErrorAdded, "`A` is new".to_owned())]);
}
