//! Machine-readable descriptions of services: [OpenRPC](https://spec.open-rpc.org) 1.3 documents.
//!
//! `#[rpc::service(openrpc)]` keeps the types of a service, which must implement [`JsonSchema`](schemars::JsonSchema).
//! [`document`] writes the description of such services. If enabled, a server also serves it, as the method
//! `rpc.discover` and at `/openrpc.json`. [`assert_contract`] keeps it under version control, so that reviews show
//! changes. [`Description`] is the typed form of a document. It is parsed from any document of version 1, also from
//! those of other servers, and finds its methods, with all references resolved.
//!
//! # The parts of a document
//!
//! | part of a method | where it is in its description |
//! |---|---|
//! | first paragraph of the documentation, and the rest | `summary`, `description` |
//! | the service, with its documentation | `tags` |
//! | parameters, their documentation and defaults | `params` |
//! | whether params go by name or by position | `paramStructure`: `either`; `by-position` if the service requires it; `by-name` if a struct is all params, or if an optional parameter comes before a required one |
//! | declared errors | `errors`; with their names, data and whether to retry in `x-errors`, by code; `x-other-errors` if there may be others |
//! | `readonly`, `idempotent`, neither | `x-effect`: `none`, `idempotent`, `once` |
//! | `timeout`, aliases | `x-timeout-ms`, `x-aliases` |
//! | `requires` | `x-requires`: the roles; empty if any authenticated caller may call |
//! | `stream`, `resume`, `lag`, `subscribe`, `topic`, `unsubscribe` | `x-stream`, with the schemas of items and cursors; the result is `null` |
//! | params that are known only as a whole | one parameter `params`, and `x-params: "whole"` |
//!
//! Types that have names, or that the document uses more than once, are in `components/schemas`, as JSON Schema of
//! draft 7. Params are described as the server reads them, and results as it writes them. A type that differs between
//! the two is there twice, and the one for results is called `..Output`. Types that share a name get the names of the
//! types that they contain, such as `Page_Order` and `Page_User` for `Page<Order>` and `Page<User>`. If these are the
//! same, the types are numbered by their content. So names never depend on the order of methods or services.
//! `#[schemars(rename = "..")]` gives a type another name.
//!
//! # Example
//!
//! ```
//! use rpc::openrpc::{Info, document};
//! use rpc::schemars::JsonSchema;
//! use rpc::{Client, Describe, Server};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize, JsonSchema)]
//! #[schemars(crate = "rpc::schemars")]
//! pub struct User { pub id: u64, pub name: String }
//!
//! /// User accounts.
//! #[rpc::service(namespace = "user", openrpc)]
//! pub trait Users {
//!     /// Looks a user up.
//!     #[rpc(readonly)]
//!     async fn get(&self, id: u64, #[rpc(default = 2)] depth: u8) -> Option<User>;
//! }
//!
//! let description = document(&Info::new("Accounts", "1.0.0"), &[UsersClient::SPEC]);
//! let method = &description.as_value()["methods"][0];
//! assert_eq!(method["summary"], "Looks a user up.");
//! assert_eq!(method["params"][1]["schema"]["default"], 2);
//! assert_eq!(description.as_value()["components"]["schemas"]["User"]["required"][0], "id");
//! ```

mod compatibility;
mod contract;
mod diff;
mod document;
mod info;
mod merge;
mod method;
mod model;
mod names;
mod params;
mod pointer;
mod references;
mod schemas;
mod stream;
mod types;

pub use compatibility::{Change, Level, Rule, compare};
pub use contract::assert_contract;
pub use document::{Document, document};
pub use info::{Contact, Info, License};
pub use model::{
    Components, ContentDescriptor, DescribedError, DescribedStream, Description, DescriptionError, Example,
    ExamplePairing, ExternalDocs, Link, Method, MethodError, MethodExample, MethodObject, OrReference, ParamStructure,
    Reference, Schema, ServerObject, ServerVariable, Tag,
};

#[doc(hidden)]
pub use compatibility::{SchemaIn, TypeSet, Undescribed, Violation, ViolationKind, violations};
#[doc(hidden)]
pub use document::{DocumentedMethod, describe};
#[doc(hidden)]
pub use types::{DataTypes, DefaultOf, MethodTypes, TypeSpec, Unwritten};
