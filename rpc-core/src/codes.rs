//! The table of error codes of the specification and of the framework, with the meaning of each.
//!
//! The server takes messages and HTTP statuses from the table. The client takes from it what an error proves and
//! whether to retry. A test compares docs/wire.md with it. Gateways and tools can read the same rows.
//!
//! # Example
//!
//! ```
//! use http::StatusCode;
//! use rpc::ErrorCode;
//! use rpc::codes::{CodeSpec, RetryRule};
//!
//! let overloaded = ErrorCode::OVERLOADED.meaning();
//! assert_eq!(overloaded.http.of_call(), Some(StatusCode::SERVICE_UNAVAILABLE));
//! assert_eq!(overloaded.retry, RetryRule::Later);
//!
//! for row in CodeSpec::ALL {
//!     println!("{} {}: {}", row.code, row.name, row.description);
//! }
//! ```

mod meaning;
mod of_code;
mod of_error;
mod rate_limit;
mod reasons;
mod table;

pub use meaning::{HttpStatus, Limit, Meaning, Proof, RetryRule};
pub use of_error::is_refusal_status;
pub(crate) use reasons::reasons;
pub use table::CodeSpec;

#[cfg(test)]
mod tests;
