//! Compares what callers were told with what the server did.

use std::collections::HashMap;
use std::fmt::{self, Write};
use std::time::Duration;

use rpc::{Effect, Error, Outcome};

use crate::reliability::plan::Plan;
use crate::reliability::server::EffectError;

/// How long after its deadline a call may end. Test machines are busy. In a normal run, no call needs it.
const ALLOWANCE: Duration = Duration::from_secs(2);

/// What the caller of one call was told.
#[derive(Clone, Debug)]
pub(crate) struct Record {
    pub(crate) number: u64,
    pub(crate) effect: Effect,
    pub(crate) told: Told,
    /// The error as text.
    pub(crate) why: String,
    pub(crate) took: Duration,
    pub(crate) deadline: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// The result, which is this number.
    Result(u64),
    /// The method's own error, returned after its effect.
    Declared,
    /// The method's own error, returned instead of its effect.
    Busy,
    /// Another error of the server.
    Rpc,
    Failed(Outcome),
}

impl Record {
    pub(crate) fn new(
        number: u64,
        effect: Effect,
        ended: Result<u64, Error<EffectError>>,
        took: Duration,
        deadline: Duration,
    ) -> Self {
        let told = match &ended {
            Ok(result) => Told::Result(*result),
            Err(Error::Method(EffectError::Declined { .. })) => Told::Declared,
            Err(Error::Method(EffectError::Busy)) => Told::Busy,
            Err(Error::Rpc(_)) => Told::Rpc,
            Err(Error::Failure(failure)) => Told::Failed(failure.outcome()),
        };
        let why = ended.err().map(|error| error.to_string()).unwrap_or_default();
        Self { number, effect, told, why, took, deadline }
    }
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, effect, told, why, took, .. } = self;
        write!(f, "call {number} ({effect:?}) was told {told:?} after {took:?}: {why}")
    }
}

/// What must never happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Violation {
    /// A call ended after its deadline.
    Late,
    /// A call that must run at most once ran more often.
    Repeated,
    /// The caller was told that the call failed or was refused, but it ran.
    RanAfterAll,
    /// The caller was told that the call ran, but it did not.
    NeverRan,
    /// The caller got the answer to another call.
    Swapped,
}

/// The result of the comparison.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    violations: Vec<(Violation, String)>,
    pub(crate) calls: usize,
    /// How many calls must run at most once, and how many of these have an unknown outcome.
    pub(crate) once: usize,
    pub(crate) unknown_once: usize,
    /// How many calls have no result.
    pub(crate) failed: usize,
    /// How many times calls were retried.
    pub(crate) retries: usize,
}

/// Compares what callers were told with the effects of their calls.
pub(crate) fn compare(records: &[Record], effects: &HashMap<u64, u32>, plan: &Plan) -> Findings {
    let mut findings = Findings { calls: records.len(), ..Findings::default() };
    for record in records {
        let count = effects.get(&record.number).copied().unwrap_or(0);
        if record.effect == Effect::Once {
            findings.once += 1;
            findings.unknown_once += usize::from(record.told == Told::Failed(Outcome::Unknown));
        }
        findings.failed += usize::from(!matches!(record.told, Told::Result(_)));
        for violation in violations(record, count) {
            let story = plan.story_of(record.number);
            let text = format!("{violation:?}: {count} effects, {record}; {story}");
            findings.violations.push((violation, text));
        }
    }
    findings
}

fn violations(record: &Record, effects: u32) -> Vec<Violation> {
    let ran = match record.told {
        Told::Result(_) | Told::Declared | Told::Failed(Outcome::Executed) => Some(true),
        Told::Busy | Told::Rpc | Told::Failed(Outcome::NotSent | Outcome::Refused) => Some(false),
        Told::Failed(_) => None,
    };
    let rules = [
        (Violation::Late, record.took > record.deadline + ALLOWANCE),
        (Violation::Repeated, record.effect == Effect::Once && effects > 1),
        (Violation::RanAfterAll, ran == Some(false) && effects > 0),
        (Violation::NeverRan, ran == Some(true) && effects == 0),
        (Violation::Swapped, matches!(record.told, Told::Result(result) if result != record.number)),
    ];
    rules.into_iter().filter(|(_, broken)| *broken).map(|(violation, _)| violation).collect()
}

impl Findings {
    /// Adds the findings of another seed.
    pub(crate) fn add(&mut self, other: Self) {
        self.violations.extend(other.violations);
        self.calls += other.calls;
        self.once += other.once;
        self.unknown_once += other.unknown_once;
        self.failed += other.failed;
        self.retries += other.retries;
    }

    /// Summarizes the calls in one line.
    pub(crate) fn summary(&self) -> String {
        let Self { calls, failed, once, unknown_once, retries, .. } = self;
        let (share, each) = (*unknown_once as f64 * 100.0 / *once as f64, *retries as f64 / *calls as f64);
        let ends = format!("{calls} calls, {failed} without a result, {each:.2} retries per call");
        format!("{ends}; of {once} that run once, {unknown_once} unknown ({share:.1} %)")
    }

    pub(crate) fn has(&self, violation: Violation) -> bool {
        self.violations.iter().any(|(found, _)| *found == violation)
    }

    /// Panics if there are violations, with all that is needed to reproduce them.
    #[track_caller]
    pub(crate) fn assert_none(&self) {
        let mut text = String::new();
        for (_, violation) in self.violations.iter().take(10) {
            write!(text, "\n{violation}").unwrap();
        }
        assert!(self.violations.is_empty(), "{} violations, the first of which:{text}", self.violations.len());
    }

    /// Panics if more than this percentage of the calls that must run at most once have an unknown outcome.
    #[track_caller]
    pub(crate) fn assert_unknown_at_most(&self, percent: usize) {
        let Self { once, unknown_once, .. } = self;
        assert!(*once > 0 && unknown_once * 100 <= once * percent, "{unknown_once} of {once} calls are unknown");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(effect: Effect, told: Told) -> Record {
        let deadline = Duration::from_secs(1);
        Record { number: 7, effect, told, why: String::new(), took: Duration::ZERO, deadline }
    }

    #[test]
    fn each_rule_has_a_record_that_breaks_it_alone() {
        let late = Record { took: Duration::from_secs(4), ..record(Effect::Once, Told::Result(7)) };
        assert_eq!(violations(&late, 1), [Violation::Late]);
        let broken = [
            (Effect::Once, Told::Result(7), 2, Violation::Repeated),
            (Effect::Once, Told::Failed(Outcome::Unknown), 2, Violation::Repeated),
            (Effect::None, Told::Failed(Outcome::NotSent), 1, Violation::RanAfterAll),
            (Effect::Once, Told::Failed(Outcome::Refused), 1, Violation::RanAfterAll),
            (Effect::Once, Told::Rpc, 1, Violation::RanAfterAll),
            (Effect::Once, Told::Busy, 1, Violation::RanAfterAll),
            (Effect::Once, Told::Result(7), 0, Violation::NeverRan),
            (Effect::Once, Told::Failed(Outcome::Executed), 0, Violation::NeverRan),
            (Effect::Idempotent, Told::Result(8), 1, Violation::Swapped),
        ];
        for (effect, told, effects, violation) in broken {
            assert_eq!(violations(&record(effect, told), effects), [violation], "{told:?}, {effects} effects");
        }
    }

    #[test]
    fn what_is_promised_breaks_no_rule() {
        let kept = [
            (Effect::Once, Told::Result(7), 1),
            (Effect::Once, Told::Declared, 1),
            (Effect::Once, Told::Failed(Outcome::Unknown), 0),
            (Effect::Once, Told::Failed(Outcome::Unknown), 1),
            (Effect::Once, Told::Failed(Outcome::NotSent), 0),
            (Effect::Idempotent, Told::Result(7), 3),
            (Effect::None, Told::Failed(Outcome::Unknown), 3),
        ];
        for (effect, told, effects) in kept {
            assert_eq!(violations(&record(effect, told), effects), [], "{told:?}, {effects} effects");
        }
    }
}
