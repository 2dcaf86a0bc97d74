use std::error::Error as StdError;

use rpc_core::{Excerpt, Outcome};

use super::{Failure, Kind};

type AnyError = Box<dyn StdError + Send + Sync>;

impl Failure {
    /// Makes the failure of a transport of one's own that could not reach its peer, so that nothing was sent.
    pub fn connect(source: impl Into<AnyError>) -> Self {
        Self::with_source(Kind::Connect(None), source)
    }

    /// Makes the failure of a transport of one's own whose connection failed before it took the request, or whose peer
    /// has said that it did not look at it, so that the call did not run.
    pub fn not_sent(source: impl Into<AnyError>) -> Self {
        Self::with_source(Kind::Unsent, source)
    }

    /// Makes the failure of a transport of one's own that was cut after something may have been sent.
    pub fn transport(source: impl Into<AnyError>) -> Self {
        Self::with_source(Kind::Transport, source)
    }

    /// Makes the failure of a result that is of another shape than the caller's type.
    pub(crate) fn decode(error: serde_json::Error) -> Self {
        // serde quotes what it did not expect, which came from outside.
        let text = error.to_string();
        if Excerpt(&text).is_whole() {
            Self::with_source(Kind::Decode, error)
        } else {
            Self::with_source(Kind::Decode, Excerpt(&text).to_string())
        }
    }

    /// Sets what is known of the call.
    pub(crate) fn with_outcome(mut self, outcome: Outcome) -> Self {
        self.0.outcome = Some(outcome);
        self
    }
}
