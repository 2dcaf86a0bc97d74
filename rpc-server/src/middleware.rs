#![doc = include_str!("../../docs/middleware.md")]

mod error;
mod from_fn;
mod handling;
mod layer;
mod layered;
mod next;
mod pipeline;
#[cfg(feature = "rate-limit")]
mod rate_limit;
mod refusal;
mod request;
mod response;
mod stage;

pub use error::BoxError;
pub use from_fn::{FromFn, FromFnService, from_fn};
pub use layer::CallLayer;
pub use layered::Layered;
pub use next::{Next, NextFuture};
#[cfg(feature = "rate-limit")]
pub use rate_limit::{RateLimit, RateLimited};
pub use refusal::Refusal;
pub use request::Request;
pub use response::Response;

pub(crate) use pipeline::Settings;
pub(crate) use stage::Stage;
