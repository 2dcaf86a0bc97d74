//! What the server's process holds, over time.

use support::process;

/// Returns how many KiB of memory the process holds that are its own. Pages of its program are left out, which come
/// when code runs for the first time.
pub(crate) fn held(pid: u32) -> u64 {
    process::memory(pid, "RssAnon")
}

/// What a process held at times that are equally far apart.
#[derive(Debug, Default)]
pub(crate) struct Samples(Vec<u64>);

impl Samples {
    pub(crate) fn take(&mut self, pid: u32) {
        self.0.push(held(pid));
    }

    /// Returns the median of a quarter, which a single peak does not move.
    fn level(&self, quarter: usize) -> u64 {
        let length = self.0.len() / 4;
        let mut samples = self.0[quarter * length..][..length].to_vec();
        samples.sort_unstable();
        samples[length / 2]
    }

    /// Asserts that the process holds in the last quarter what it held in the second one, but for this much. In the
    /// first quarter it may still grow: connections are made, and buffers find their size.
    #[track_caller]
    pub(crate) fn assert_flat(&self, slack_kib: u64) {
        assert!(self.0.len() >= 16, "these are too few: {self:?}");
        let (early, late) = (self.level(1), self.level(3));
        assert!(late <= early + slack_kib, "the server held {early} KiB, and {late} KiB later: {self:?}");
    }
}
