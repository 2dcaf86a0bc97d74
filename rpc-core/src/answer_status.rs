//! [`AnswerStatus`]: how a message ended, beside the bytes of its answer.

use http::StatusCode;

use crate::ErrorCode;

/// How a message ended, without parsing the answer's bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AnswerStatus {
    /// A single message succeeded.
    Success,
    /// A single message, or a batch as a whole, was answered with an error.
    Error(ErrorCode),
    /// The server did not run the message, and HTTP has a status for the reason. The code alone does not show this,
    /// because a handler may relay another server's answer.
    Refused(ErrorCode, StatusCode),
    /// A batch was answered, entry by entry.
    Batch {
        /// The number of entries that were answered with an error.
        failures: usize,
    },
}
