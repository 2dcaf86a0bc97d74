//! [`Failures`]: the failed calls of a run, counted by exit code and outcome, with an example of each.

use rpc::{Effect, Error, Outcome};

use crate::error::CliError;
use crate::exit::{Exit, GRAVITY};

/// The failed calls of a run.
#[derive(Debug, Default)]
pub(crate) struct Failures(Vec<FailureGroup>);

/// Failed calls with the same exit code and outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FailureGroup {
    pub(crate) exit: Exit,
    pub(crate) outcome: Outcome,
    pub(crate) calls: u64,
    /// The message of the first of them.
    pub(crate) example: String,
}

impl Failures {
    /// Adds failed calls with the same error.
    pub(crate) fn add(&mut self, error: &Error, effect: Effect, calls: u64) {
        let (exit, outcome) = (Exit::of_error(error, effect), error.outcome());
        match self.find(exit, outcome) {
            Some(group) => group.calls += calls,
            None => {
                let example = CliError::of_call(error.clone(), effect).message().to_owned();
                self.0.push(FailureGroup { exit, outcome, calls, example });
            }
        }
    }

    /// Adds the failures that another worker has counted.
    pub(crate) fn merge(&mut self, other: Self) {
        for group in other.0 {
            match self.find(group.exit, group.outcome) {
                Some(known) => known.calls += group.calls,
                None => self.0.push(group),
            }
        }
    }

    /// Returns the groups, the gravest first.
    pub(crate) fn groups(&self) -> Vec<&FailureGroup> {
        let mut groups: Vec<_> = self.0.iter().collect();
        groups.sort_by_key(|group| GRAVITY.iter().position(|exit| *exit == group.exit));
        groups
    }

    /// Returns the number of failed calls.
    pub(crate) fn calls(&self) -> u64 {
        self.0.iter().map(|group| group.calls).sum()
    }

    fn find(&mut self, exit: Exit, outcome: Outcome) -> Option<&mut FailureGroup> {
        self.0.iter_mut().find(|group| (group.exit, group.outcome) == (exit, outcome))
    }
}

#[cfg(test)]
mod tests {
    use rpc::{Effect, Error, ErrorObject, Failure};

    use super::Failures;
    use crate::exit::Exit;

    #[test]
    fn equal_failures_are_counted_with_the_first_message() {
        let mut failures = Failures::default();
        failures.add(&Error::Rpc(ErrorObject::new(7, "sold out")), Effect::Once, 1);
        failures.add(&Error::Rpc(ErrorObject::new(8, "too late")), Effect::Once, 2);
        let mut other = Failures::default();
        other.add(&Failure::timed_out().into(), Effect::None, 1);
        other.add(&Failure::timed_out().into(), Effect::Once, 4);
        other.add(&Error::Rpc(ErrorObject::new(9, "other")), Effect::Once, 1);
        failures.merge(other);
        let groups: Vec<_> = failures.groups().into_iter().map(|group| (group.exit, group.calls)).collect();
        assert_eq!(groups, [(Exit::Unknown, 4), (Exit::Deadline, 1), (Exit::MethodError, 4)]);
        assert!(failures.groups()[2].example.contains("sold out"));
        assert_eq!(failures.calls(), 9);
    }
}
