#![doc = include_str!("../docs/client_middleware.md")]

mod answer;
mod attempts;
mod entry_runs;
mod error;
mod from_fn;
mod layer;
mod layer_request;
mod next;
mod request;
mod response;
mod stack;

pub use answer::EntryAnswer;
pub use error::BoxError;
pub use from_fn::{FromFn, FromFnService, from_fn};
pub use layer::ClientLayer;
pub use layer_request::LayerRequest;
pub use next::Next;
pub use request::{Request, RequestEntry};
pub use response::Response;

pub(crate) use attempts::AttemptLayers;
pub(crate) use layer::Layers;
pub(crate) use request::{DeliverRequest, OutboundRequest};
pub(crate) use stack::through;
