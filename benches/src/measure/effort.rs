//! How long measurements take.

/// How long to measure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Effort {
    /// How many times each subject is measured in time.
    pub(crate) rounds: usize,
    /// Whether to run only one short round, to show that the measurement works.
    pub(crate) quick: bool,
    /// The number of threads of a server's runtime in measurements of time. All of them share one core.
    pub(crate) threads: usize,
}
