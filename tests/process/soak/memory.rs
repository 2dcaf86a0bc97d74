//! The memory of the server's process over time.

use support::process;

/// Returns the private memory of the process, in KiB. The pages of its program are not counted: they are loaded when
/// code runs for the first time.
pub(crate) fn held(pid: u32) -> u64 {
    process::memory(pid, "RssAnon")
}

/// The memory of a process at regular intervals.
#[derive(Debug, Default)]
pub(crate) struct Samples(Vec<u64>);

impl Samples {
    pub(crate) fn take(&mut self, pid: u32) {
        self.0.push(held(pid));
    }

    /// Returns the median of a quarter of the samples. A single peak does not change it.
    fn level(&self, quarter: usize) -> u64 {
        let length = self.0.len() / 4;
        let mut samples = self.0[quarter * length..][..length].to_vec();
        samples.sort_unstable();
        samples[length / 2]
    }

    /// Asserts that the process holds in the last quarter as much as in the second one, within this slack. In the first
    /// quarter it may still grow: connections open, and buffers reach their size.
    #[track_caller]
    pub(crate) fn assert_flat(&self, slack_kib: u64) {
        assert!(self.0.len() >= 16, "these are too few: {self:?}");
        let (early, late) = (self.level(1), self.level(3));
        assert!(late <= early + slack_kib, "the server held {early} KiB, and {late} KiB later: {self:?}");
    }
}
