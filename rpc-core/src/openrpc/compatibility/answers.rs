//! Compares what a method answers: its result and its errors.

use std::collections::BTreeMap;

use super::change::Change;
use super::documents::Documents;
use super::rule::Rule;
use super::schema_changes::{SchemaUse, compare as compare_schemas};
use crate::openrpc::model::{Method, MethodError};

/// Compares the results of a method.
pub(super) fn compare_results(documents: &Documents, old: &Method<'_>, new: &Method<'_>) -> Vec<Change> {
    let place = format!("{}, result", old.name());
    match (old.is_notification(), new.is_notification()) {
        (true, true) => Vec::new(),
        (true, false) => vec![Change::new(Rule::ResultAdded, place, "the method has a result now")],
        (false, true) => vec![Change::new(Rule::ResultRemoved, place, "the method has no result, and sends no answer")],
        (false, false) => match (old.result(), new.result()) {
            (Some(old), Some(new)) => {
                let schemas = (old.schema.as_value(), new.schema.as_value());
                compare_schemas(documents, SchemaUse::Result, schemas, &place)
            }
            // `unresolved` reports a result whose reference leads to nothing.
            _ => Vec::new(),
        },
    }
}

/// Compares the declared errors of a method.
pub(super) fn compare_errors(documents: &Documents, old: &Method<'_>, new: &Method<'_>) -> Vec<Change> {
    let (before, after) = (by_code_of(old), by_code_of(new));
    let place = |code: i64| format!("{}, error {code}", old.name());
    let mut changes = Vec::new();
    let added = |code, error: &_| Change::new(Rule::ErrorAdded, place(code), format!("{} is new", title(error)));
    let removed =
        |code, error: &_| Change::new(Rule::ErrorRemoved, place(code), format!("{} is removed", title(error)));
    for (code, errors) in &after {
        if !before.contains_key(code) {
            changes.extend(errors.iter().map(|error| added(*code, error)));
        }
    }
    for (code, errors) in &before {
        let Some(new) = after.get(code) else {
            changes.extend(errors.iter().map(|error| removed(*code, error)));
            continue;
        };
        compare_error(documents, (&errors[0], &new[0]), &place(*code), &mut changes);
        let (gone, fresh) = (without_messages_of(errors, new), without_messages_of(new, errors));
        for (old, new) in gone.iter().zip(&fresh) {
            let message = format!("the message was {:?} and is {:?}", old.message(), new.message());
            changes.push(Change::new(Rule::DocsChanged, place(*code), message));
        }
        changes.extend(gone.iter().skip(fresh.len()).map(|error| removed(*code, error)));
        changes.extend(fresh.iter().skip(gone.len()).map(|error| added(*code, error)));
    }
    let place = format!("{}, errors", old.name());
    match (old.takes_other_errors(), new.takes_other_errors()) {
        (true, false) => {
            changes.push(Change::new(Rule::OthersNoLongerTaken, place, "the handler returns declared errors only"));
        }
        (false, true) => {
            changes.push(Change::new(Rule::OthersTaken, place, "the handler may return undeclared errors"))
        }
        _ => {}
    }
    changes
}

/// Returns the declared errors by their codes. Several may have one code, and each list has at least one.
fn by_code_of<'a>(method: &Method<'a>) -> BTreeMap<i64, Vec<MethodError<'a>>> {
    let mut by_code = BTreeMap::<_, Vec<_>>::new();
    method.errors().for_each(|error| by_code.entry(error.code().get()).or_default().push(error));
    by_code
}

/// Returns the errors without those whose message another list has. Errors of one code differ in nothing else.
fn without_messages_of<'a, 'm>(errors: &'a [MethodError<'m>], others: &[MethodError<'_>]) -> Vec<&'a MethodError<'m>> {
    errors.iter().filter(|error| !others.iter().any(|other| other.message() == error.message())).collect()
}

/// Returns what identifies an error to a reader.
fn title(error: &MethodError<'_>) -> String {
    format!("`{}`", error.name().unwrap_or(error.message()))
}

fn compare_error(
    documents: &Documents,
    (old, new): (&MethodError<'_>, &MethodError<'_>),
    place: &str,
    changes: &mut Vec<Change>,
) {
    let mut report = |rule, message: String| changes.push(Change::new(rule, place, message));
    if let (Some(before), Some(after)) = (old.name(), new.name())
        && before != after
    {
        report(Rule::ErrorNameChanged, format!("`{before}` is `{after}` now"));
    }
    match (old.is_retryable(), new.is_retryable()) {
        (true, false) => report(Rule::ErrorNoLongerRetryable, "a later attempt will fail as well".to_owned()),
        (false, true) => report(Rule::ErrorBecameRetryable, "a later attempt may succeed".to_owned()),
        _ => {}
    }
    match (old.data_schema(), new.data_schema()) {
        (Some(before), Some(after)) => {
            let place = format!("{place}, data");
            changes.extend(compare_schemas(documents, SchemaUse::ErrorData, (before, after), &place));
        }
        (Some(_), None) => report(Rule::ErrorDataChanged, "the error has no data".to_owned()),
        (None, Some(_)) => report(Rule::ErrorDataAdded, "the error has data".to_owned()),
        (None, None) => {}
    }
}
