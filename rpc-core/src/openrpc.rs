//! Descriptions of services that other programs read: [OpenRPC](https://spec.open-rpc.org) 1.3 documents.
//!
//! `#[rpc::service(openrpc)]` keeps the types of a service, which then implement [`JsonSchema`](schemars::JsonSchema).
//! [`document`] writes the description of such services. A server that is told to also serves it, as the method
//! `rpc.discover` and at `/openrpc.json`. [`assert_contract`] keeps it under version control, where a change shows in
//! review.
//!
//! # What is written where
//!
//! | of a method | in its description |
//! |---|---|
//! | first paragraph of the documentation, and the rest | `summary`, `description` |
//! | the service, with its documentation | `tags` |
//! | parameters, their documentation and defaults | `params` |
//! | whether params go by name or by position | `paramStructure`: `either`; `by-position` where the service says so; `by-name` where a struct is all params, or an optional parameter stands before one that is not |
//! | declared errors | `errors`; with their names, data and whether to retry in `x-errors`, by code; `x-other-errors` where there may be others |
//! | `readonly`, `idempotent`, neither | `x-effect`: `none`, `idempotent`, `once` |
//! | `timeout`, aliases | `x-timeout-ms`, `x-aliases` |
//! | `requires` | `x-requires`: the roles; none where any caller will do who is known |
//! | params of which only the whole is known | one parameter `params`, and `x-params: "whole"` |
//!
//! Types that the document uses more than once, or that have names, stand in `components/schemas`, as JSON Schema of
//! draft 7. Params are described as they are read and results as they are written; a type for which that differs is
//! there twice, and the one of results is called `..Output`. Types that share a name get the names of the types that
//! they hold, as `Page_Order` and `Page_User` for `Page<Order>` and `Page<User>`. Where these are the same they are
//! numbered, by what they consist of: names never depend on the order of methods or services. `#[schemars(rename =
//! "..")]` gives a type another name.
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

mod contract;
mod diff;
mod document;
mod info;
mod merge;
mod method;
mod names;
mod params;
mod references;
mod schemas;
mod types;

pub use contract::assert_contract;
pub use document::{Document, document};
pub use info::Info;

#[doc(hidden)]
pub use document::{Entry, describe};
#[doc(hidden)]
pub use types::{DataTypes, DefaultOf, MethodTypes, TypeSpec, Unwritten};
