//! [`SplitState`]: what a delivery of joined calls has beyond others. `split` uses it.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::joined_call::JoinedCall;

/// A call that has left its joined request, with the delivery that retries it.
pub(crate) struct SplitDelivery<D> {
    pub(crate) caller: Arc<JoinedCall>,
    pub(crate) delivery: Box<D>,
}

/// What a delivery of joined calls has beyond others.
pub(super) struct SplitState<D> {
    /// Takes the calls that leave. `None` for a call that has left.
    pub(super) splits: Option<mpsc::UnboundedSender<SplitDelivery<D>>>,
    /// How long a call that has left waits for its retry.
    pub(super) pause: Option<Duration>,
}
