//! Compares what the framework's extensions say of calls: names, effect, time limit, roles. Also what is only a text.

use std::time::Duration;

use super::change::Change;
use super::rule::Rule;
use crate::Effect;
use crate::openrpc::model::Method;

/// Compares the names of a method, and its texts.
pub(super) fn compare_names(old: &Method<'_>, new: &Method<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut report = |rule, message: String| changes.push(Change::new(rule, old.name(), message));
    if old.name() != new.name() {
        report(Rule::MethodRenamed, format!("the method is `{}` now, with the old name as an alias", new.name()));
    }
    for alias in old.aliases() {
        if alias != new.name() && !new.aliases().any(|other| other == alias) {
            report(Rule::AliasRemoved, format!("the alias `{alias}` is removed"));
        }
    }
    for alias in new.aliases() {
        if alias != old.name() && !old.aliases().any(|other| other == alias) {
            report(Rule::AliasAdded, format!("the alias `{alias}` is new"));
        }
    }
    if new.is_deprecated() && !old.is_deprecated() {
        report(Rule::DeprecatedAdded, "the method is deprecated".to_owned());
    }
    if old.summary() != new.summary() || old.description() != new.description() {
        report(Rule::DocsChanged, "the description differs".to_owned());
    }
    let (before, after) = (old.object(), new.object());
    if !old.tags().eq(new.tags()) || before.examples != after.examples || before.links != after.links {
        report(Rule::DocsChanged, "the tags, examples or links differ".to_owned());
    }
    changes
}

/// Compares how calls are retried, how long they may take, and who may make them.
pub(super) fn compare_calls(old: &Method<'_>, new: &Method<'_>) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut report = |rule, message: String| changes.push(Change::new(rule, old.name(), message));
    // Clients retry only what a document tells them to be safe.
    let rank = |method: &Method<'_>| match method.effect() {
        Some(Effect::None) => (0, "`readonly`"),
        Some(Effect::Idempotent) => (1, "`idempotent`"),
        Some(Effect::Once) | None => (2, "neither `readonly` nor `idempotent`"),
    };
    let ((before, was), (after, is)) = (rank(old), rank(new));
    if before != after {
        let rule = if after > before { Rule::EffectWeakened } else { Rule::EffectStrengthened };
        report(rule, format!("the method was {was} and is {is}"));
    }
    let length = |timeout: Option<Duration>| timeout.map_or("none".to_owned(), |timeout| format!("{timeout:?}"));
    let (before, after) = (old.timeout(), new.timeout());
    if before != after {
        let is_shorter = after.is_some_and(|after| before.is_none_or(|before| after < before));
        let rule = if is_shorter { Rule::TimeoutShortened } else { Rule::TimeoutExtended };
        report(rule, format!("the time limit was {} and is {}", length(before), length(after)));
    }
    roles(old, new, &mut report);
    changes
}

/// Compares the roles of which a caller needs one.
fn roles(old: &Method<'_>, new: &Method<'_>, report: &mut impl FnMut(Rule, String)) {
    match (old.requires(), new.requires()) {
        (None, None) => {}
        (None, Some(roles)) if roles.is_empty() => {
            report(Rule::RoleAdded, "callers must be authenticated".to_owned());
        }
        (Some(_), None) => report(Rule::RoleAccepted, "callers need no authentication".to_owned()),
        (Some(before), Some(after)) if before.is_empty() && after.is_empty() => {}
        (Some(before), Some(after)) if !before.is_empty() && after.is_empty() => {
            report(Rule::RoleAccepted, format!("callers need none of the roles {} any more", before.join(", ")));
        }
        (Some(before), Some(after)) if !before.is_empty() => {
            for role in before.iter().filter(|role| !after.contains(role)) {
                report(Rule::RoleNoLongerAccepted, format!("the role `{role}` no longer suffices"));
            }
            for role in after.iter().filter(|role| !before.contains(role)) {
                report(Rule::RoleAccepted, format!("the role `{role}` suffices as well"));
            }
        }
        (_, Some(after)) => report(Rule::RoleAdded, format!("callers need one of the roles {}", after.join(", "))),
    }
}
