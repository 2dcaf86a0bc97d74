//! Compares the streams with which methods answer.

use super::answers::compare_results;
use super::change::Change;
use super::documents::Documents;
use super::rule::Rule;
use super::schema_changes::{SchemaUse, compare as compare_schemas};
use crate::Lag;
use crate::openrpc::model::{DescribedStream, Method};

/// Compares what a method answers with: its result alone, or a stream.
pub(super) fn compare_streams(documents: &Documents, old: &Method<'_>, new: &Method<'_>) -> Vec<Change> {
    let change = |rule, message| vec![Change::new(rule, old.name(), message)];
    match (old.stream(), new.stream()) {
        (None, None) => compare_results(documents, old, new),
        (None, Some(_)) => change(Rule::MethodBecameStream, "the method answers with a stream now"),
        (Some(_), None) => change(Rule::MethodNoLongerStream, "the method answers with its result alone now"),
        (Some(before), Some(after)) => {
            let mut changes = compare_results(documents, old, new);
            changes.extend(both(documents, old.name(), &before, &after));
            changes
        }
    }
}

/// Compares the two forms of one stream.
fn both(documents: &Documents, method: &str, old: &DescribedStream<'_>, new: &DescribedStream<'_>) -> Vec<Change> {
    let mut changes = compare_schemas(documents, SchemaUse::Result, (old.item, new.item), &format!("{method}, item"));
    let mut report = |rule, message: String| changes.push(Change::new(rule, method, message));
    match (old.resume, new.resume) {
        (true, false) => report(Rule::ResumeRemoved, "clients can no longer resume the stream".to_owned()),
        (false, true) => report(Rule::ResumeAdded, "clients can resume the stream now".to_owned()),
        _ => {}
    }
    if old.lag != new.lag {
        report(Rule::LagChanged, format!("the lag was {} and is {}", lag(old.lag), lag(new.lag)));
    }
    subscriptions(old, new, &mut report);
    if let (Some(before), Some(after)) = (old.cursor, new.cursor) {
        let place = format!("{method}, cursor");
        let written = compare_schemas(documents, SchemaUse::Result, (before, after), &place);
        // Clients send a cursor back, so the new server must accept those that the old one wrote.
        let mut sent = compare_schemas(documents, SchemaUse::Param, (before, after), &place);
        sent.retain(Change::is_breaking);
        changes.extend(written.into_iter().filter(|change| sent.is_empty() || change.is_breaking()));
        changes.extend(sent);
    }
    changes
}

/// Compares the names of the older subscription form.
fn subscriptions(old: &DescribedStream<'_>, new: &DescribedStream<'_>, report: &mut impl FnMut(Rule, String)) {
    let opens = |stream: &DescribedStream<'_>| {
        stream.subscribe.map(|name| match stream.topic {
            Some(topic) => format!("`{name}(\"{topic}\")`"),
            None => format!("`{name}`"),
        })
    };
    let ends = |stream: &DescribedStream<'_>| stream.unsubscribe.map(|name| format!("`{name}`"));
    for (before, after, verb) in [(opens(old), opens(new), "opens"), (ends(old), ends(new), "ends")] {
        match (before, after) {
            (Some(before), after) if after.as_ref() != Some(&before) => {
                report(Rule::SubscriptionRemoved, format!("{before} no longer {verb} the stream"));
            }
            (None, Some(after)) => report(Rule::SubscriptionAdded, format!("{after} {verb} the stream now")),
            _ => {}
        }
    }
}

fn lag(lag: Lag) -> String {
    match lag {
        Lag::Wait => "`wait`".to_owned(),
        Lag::Latest => "`latest`".to_owned(),
        Lag::DropOldest(most) => format!("`drop_oldest({most})`"),
        Lag::End => "`end`".to_owned(),
    }
}
