//! The typed model of OpenRPC documents. `description` is the parsed document, and `method` the view of a method with
//! its references resolved. `read` reads JSON and reports where a document is invalid.

mod check;
mod components;
mod described_error;
mod described_stream;
mod description;
mod descriptor;
pub(super) mod error;
mod example;
mod link;
mod locate;
mod method;
mod method_error;
mod method_example;
mod method_object;
pub(super) mod read;
mod reference;
mod schema;
mod server;
mod tag;
mod unresolved;

pub use components::Components;
pub use described_error::DescribedError;
pub use described_stream::DescribedStream;
pub use description::Description;
pub use descriptor::ContentDescriptor;
pub use error::DescriptionError;
pub use example::{Example, ExamplePairing};
pub use link::Link;
pub use method::Method;
pub use method_error::MethodError;
pub use method_example::MethodExample;
pub use method_object::{MethodObject, ParamStructure};
pub use reference::{OrReference, Reference};
pub use schema::Schema;
pub use server::{ServerObject, ServerVariable};
pub use tag::{ExternalDocs, Tag};

#[cfg(test)]
mod tests;
