#![doc = include_str!("../docs/middleware.md")]

mod call_lifecycle;
mod error;
mod from_fn;
mod handler_future;
mod inherited_context;
mod layer;
mod layered;
mod layered_handler;
mod next;
mod pipeline;
#[cfg(feature = "rate-limit")]
mod rate_limit;
mod refusal;
mod request;
mod response;
mod settings;
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

pub(crate) use layer::NewStage;
pub(crate) use settings::LayerSettings;
