//! [`Permit`]: by which a breaker knows whether the result of an attempt still counts.

/// The number of an attempt. By this number, [`Breaker::record`](super::Breaker::record) knows whether the result still
/// counts.
///
/// Without it, an attempt that began before the circuit opened, and that the server answers late, would pass for a
/// test. And a late failure would count against an endpoint that has recovered since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Permit(pub(super) u64);

impl Permit {
    /// The permit of an attempt that does not count: the circuit is not closed, and the attempt is no test.
    pub(super) const UNCOUNTED: Self = Self(0);
    /// The first permit that counts.
    pub(super) const FIRST: Self = Self(1);
}
