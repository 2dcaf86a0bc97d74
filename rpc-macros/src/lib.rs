#![forbid(unsafe_code)]
#![warn(clippy::print_stdout)]
//! The macros of the `rpc` crate: the attribute [`macro@service`] and the derive [`macro@RpcError`].
//!
//! Use them through the facade, `rpc::service` and `rpc::RpcError`, whose documentation has the examples. This page is
//! the reference of every attribute. What the macros write names the facade by the path `::rpc`; where it has another
//! name, or is re-exported, `crate = ::path` says so.
//!
//! Both macros report all mistakes of an item at once, each at the tokens in question.

mod attr;
mod case;
mod diagnostics;
mod duration;
mod error;
mod names;
mod service;
#[cfg(test)]
mod snapshot;
mod spans;
mod types;

use proc_macro::TokenStream;

/// # What is generated
///
/// The trait `Users` becomes a trait of the same methods, whose async ones return futures that are `Send`, and which
/// has the supertraits `Send + Sync + 'static`. Implement it with plain `async fn`; it is implemented for `Arc<T>`
/// where it is for `T`. Beside it come, with the visibility of the trait:
///
/// - `UsersServer`, made of an implementation, for `rpc::Server::builder().service(..)` (feature `server`);
/// - `UsersClient`, made of an `rpc::Client`, whose methods return an `rpc::Call` each (feature `client`). With both
///   features, `UsersClient::of(fake)` is a client of an implementation in the same process, for tests.
///
/// # On the trait: `#[rpc::service(..)]`
///
/// | key | meaning |
/// |---|---|
/// | `namespace = "user"` | Comes before the name of every method on the wire. |
/// | `separator = "_"` | Stands between the namespace and the name. By default `.`. |
/// | `rename_all = "camelCase"` | Renames methods and parameters that have no `name` of their own. The rules: `lowercase`, `UPPERCASE`, `PascalCase`, `camelCase`, `snake_case`, `SCREAMING_SNAKE_CASE`, `kebab-case`, `SCREAMING-KEBAB-CASE`. `lowercase` and `UPPERCASE` remove underscores. |
/// | `lenient` | The server ignores parameters that it does not know. By default they are refused. |
/// | `params = "positional"` | The client sends parameters as an array. By default, `"named"`, as an object. The server takes both. |
/// | `requires`, `requires = "admin"` | What callers of all methods must be, beside what the methods require themselves. |
/// | `openrpc` | Keeps the types of params and results for descriptions, which then implement `schemars::JsonSchema`; see `rpc::openrpc`. Takes the facade's feature `openrpc`. |
/// | `crate = ::path` | The facade's path. By default `::rpc`. |
///
/// # On a method: `#[rpc(..)]`
///
/// | key | meaning |
/// |---|---|
/// | `name = "seen"` | The name on the wire, after the namespace. By default the method's own. |
/// | `alias = "viewed"` | Another name under which the server takes the method, after the namespace. May be repeated. |
/// | `readonly` | The method has no effect: a call may be repeated and cached, and its handler is dropped when nobody waits for it. |
/// | `idempotent` | Running the method twice does what running it once does: a call may be repeated, but once begun it runs to its end. |
/// | `timeout = "2s"` | The total time of a call that has no `.deadline()`, all attempts together, for the client and for the server: a whole number of `ms`, `s`, `m` or `h`. |
/// | `requires` | Callers must be known to the server's authentication. |
/// | `requires = "admin"` | Callers must be known and have this role. May be repeated: they need all of them. |
/// | `params` | The one parameter is all params: the members of the struct are those of the params object. |
/// | `blocking` | For a method that is not `async`: it runs on a thread where it may block or compute for long. |
///
/// A method that is neither `readonly` nor `idempotent` runs at most once a call: calls of it have an idempotency key,
/// under which the server runs no second one. Documentation, `#[deprecated]` and `#[cfg(..)]` pass through to the
/// client's method.
///
/// The attributes inside `#[cfg_attr(..)]` count where the condition holds, on methods and on parameters:
/// `#[cfg_attr(feature = "cache", rpc(readonly))]`, `#[cfg_attr(docsrs, doc(cfg(unix)))]`. `#[deprecated]` on the trait
/// also marks the server's and the client's type.
///
/// # Lints
///
/// `#[allow]`, `#[warn]` and `#[deny]` on the trait or on a method also hold in the code that is generated of it.
/// `#[expect]` is `#[allow]` there: the trait fulfils the expectation. Generated code gives no warnings about the style
/// of names, deprecation and dead code, nor any of clippy's groups `all` and `pedantic`.
///
/// # On a parameter: `#[rpc(..)]`
///
/// | key | meaning |
/// |---|---|
/// | `name = "userId"` | The name on the wire. By default the parameter's own. |
/// | `default` | The parameter may be left out and is then its type's `Default`. |
/// | `default = 10` | The parameter may be left out and is then this expression. |
/// | `context` | Not a parameter: the call's `&rpc::Context`. At most one, anywhere among the parameters. |
///
/// A parameter of type `Option` may be left out on the wire, and the client leaves out one that is `None`. The client's
/// method takes all parameters, those with a default too; to let callers leave one out, make it an `Option`. `String`
/// parameters take `impl Into<String>` there, and only they: an `Option<String>` takes an `Option<String>`.
///
/// A parameter may have documentation, which goes into descriptions.
///
/// # All params in one: `#[rpc(params)]`
///
/// What members there are, which may be left out, and whether unknown ones are refused
/// (`#[serde(deny_unknown_fields)]`) is for the struct to say; `lenient` and `params = "positional"` do not concern it.
/// Params given as an array fill the struct's fields in their order, as far as serde allows, and absent ones are an
/// object without members. Any type will do that is an array or an object in JSON; a call with anything else fails
/// before it is sent. An `Option` that is `None` is sent as no params. The parameter's own name is never on the wire.
///
/// # Methods that block: `#[rpc(blocking)]`
///
/// Such a method runs on a thread of `tokio::task::spawn_blocking`, and no other call waits for it. Once begun, nothing
/// stops it: when its time is up, its caller gets an error and it goes on, and so it does when its caller is gone,
/// `readonly` or not. A `readonly` one that no thread has taken up by then does not begin. It may look at
/// `cx.is_cancelled()`. The runtime ends only when it has returned. What it returns is `Send`.
///
/// # What a method may be
///
/// `async` or not, with `&self`, at most 16 parameters of owned types with plain names, and any of these returns:
///
/// | return type | on the wire | in the client |
/// |---|---|---|
/// | none | `null` | `rpc::Call<()>` |
/// | `T` | the value | `rpc::Call<T>` |
/// | `Result<T, E>` with `E: rpc::RpcError` | the value or the error | `rpc::Call<T, E>` |
///
/// A type called `Result` may have its error inside, as `type Result<T> = ..` does. An alias of `Result` under any
/// other name is a compile error, since the macro would take it for a plain value.
///
/// What travels implements serde's traits: parameters and results are written on one side and read on the other.
///
/// A method that is not `async` answers before anything else on its thread goes on, and no limit of time can stop it:
/// let it be short, or `blocking`, and make the others `async`. Implement an `async` method with `async fn`.
///
/// Not supported, with an error each: generics and `impl Trait`, associated types and constants, `self` by value,
/// `&mut self`, patterns and references as parameters, conditional parameters, and methods named `clone`, `into` or
/// `try_into`, which would get in the way of the client's own. Names on the wire must differ and must not begin with
/// `rpc.`, which JSON-RPC 2.0 reserves. Where a method is named `new`, the client is made with `From` only, and where
/// one is named `of`, the client has no such function.
#[proc_macro_attribute]
pub fn service(args: TokenStream, input: TokenStream) -> TokenStream {
    service::expand(args.into(), input.into()).into()
}

/// Expands [`macro@service`] again, once rustc has told whether a condition in the trait holds.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn service_where(args: TokenStream, input: TokenStream) -> TokenStream {
    service::expand_where(args.into(), input.into()).into()
}

/// # On the wire
///
/// The error's code tells its variant, its `Display` text is the message, and its fields are the data:
///
/// | fields | data |
/// |---|---|
/// | none | none |
/// | named | an object |
/// | one unnamed | the field's own value |
/// | several unnamed | an array |
///
/// An error whose data does not fit its variant is not decoded: the caller gets it as it came.
///
/// # On a variant, or on a struct: `#[rpc(..)]`
///
/// | key | meaning |
/// |---|---|
/// | `code = 1001` | The code: an integer literal, different for each variant. |
/// | `retryable` | The error leaves no effect, so the client makes the call again by itself, whatever the method. |
/// | `transparent` | The variant wraps another error type in its only field, and is that error on the wire. Takes no `code`. |
///
/// Codes may be anything outside of -32768 to -32000, which JSON-RPC 2.0 reserves, and -32089 to -32000, which many
/// services use. A wrapped type must not share a code with this one; an `rpc::ErrorObject`, which takes any code,
/// may be wrapped by the last variant.
///
/// # On a field: `#[rpc(..)]`
///
/// | key | meaning |
/// |---|---|
/// | `name = "userId"` | The field's name in the data. By default its own. |
///
/// # On the type: `#[rpc(..)]`
///
/// | key | meaning |
/// |---|---|
/// | `openrpc` | Keeps the types of fields for descriptions, which then implement `schemars::JsonSchema`; see `rpc::openrpc`. Takes the facade's feature `openrpc`. |
/// | `crate = ::path` | The facade's path. By default `::rpc`. |
///
/// Descriptions tell an error's message as thiserror's `#[error("..")]` has it, else the first paragraph of its
/// documentation.
///
/// Generic types, unions and enums without variants are refused, and so are references and more than 16 fields.
#[proc_macro_derive(RpcError, attributes(rpc))]
pub fn derive_rpc_error(input: TokenStream) -> TokenStream {
    error::expand(input.into()).into()
}
