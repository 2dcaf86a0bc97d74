#![forbid(unsafe_code)]
#![warn(clippy::print_stdout)]
//! The macros of the `rpc` crate: the attribute [`macro@service`] and the derive [`macro@RpcError`].
//!
//! Use them through the facade, as `rpc::service` and `rpc::RpcError`. The facade's documentation has the examples.
//! This page is the reference of every attribute. Generated code refers to the facade by the path `::rpc`. If the
//! facade has another name or is re-exported, set the path with `crate = ::path`.
//!
//! Both macros report all mistakes of an item at once, each at the tokens that cause it.

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
/// The trait `Users` becomes a trait with the same methods and the supertraits `Send + Sync + 'static`. Its async
/// methods return futures that are `Send`. Implement it with plain `async fn`. If `T` implements the trait, `Arc<T>`
/// implements it too. The macro also generates two types with the visibility of the trait:
///
/// - `UsersServer` wraps an implementation for `rpc::Server::builder().service(..)` (feature `server`).
/// - `UsersClient` wraps an `rpc::Client`. Each of its methods returns an `rpc::Call`, or an `rpc::StreamCall` (feature
///   `client`). With both features, `UsersClient::of(fake)` makes a client of an implementation in the same process,
///   for tests.
///
/// # On the trait: `#[rpc::service(..)]`
///
/// | key | meaning |
/// |---|---|
/// | `namespace = "user"` | The prefix of every method's name on the wire. |
/// | `separator = "_"` | The text between the namespace and the name. Default: `.`. |
/// | `rename_all = "camelCase"` | Renames methods and parameters without a `name` of their own. The rules: `lowercase`, `UPPERCASE`, `PascalCase`, `camelCase`, `snake_case`, `SCREAMING_SNAKE_CASE`, `kebab-case`, `SCREAMING-KEBAB-CASE`. `lowercase` and `UPPERCASE` remove underscores. |
/// | `lenient` | The server ignores unknown parameters. By default it rejects calls with unknown parameters. |
/// | `params = "positional"` | The client sends parameters as an array. Default: `"named"`, as an object. The server accepts both. |
/// | `requires`, `requires = "admin"` | What all methods require of their callers, in addition to the methods' own `requires`. |
/// | `openrpc` | Adds the types of params and results to descriptions. These types must implement `schemars::JsonSchema`; see `rpc::openrpc`. Needs the facade's feature `openrpc`. |
/// | `crate = ::path` | The facade's path. Default: `::rpc`. |
///
/// # On a method: `#[rpc(..)]`
///
/// | key | meaning |
/// |---|---|
/// | `name = "seen"` | The name on the wire, after the namespace. Default: the method's own name. |
/// | `alias = "viewed"` | Another name on the wire, after the namespace, that the server accepts. Repeatable. |
/// | `readonly` | The method has no effect. Its calls may be repeated and cached. The server drops its handler when the caller leaves. |
/// | `idempotent` | A second run of the method changes nothing more. Its calls may be repeated. The server never drops its handler when the caller leaves. |
/// | `timeout = "2s"` | The deadline of a call without a `.deadline()`, all attempts included. It applies on the client and on the server. A whole number of `ms`, `s`, `m` or `h`. |
/// | `requires` | Callers must be authenticated. |
/// | `requires = "admin"` | Callers must be authenticated and have this role. Repeatable: callers need all of the roles. |
/// | `params` | The only parameter holds all params: the fields of the struct are the members of the params object. |
/// | `blocking` | For a method that is not `async`. The server runs it on a thread where it may block or compute for a long time. |
/// | `ordered` | The server runs the method's notifications one after another, in the order in which they came on their session: see [Order](#order-rpcordered). |
/// | `stream` | The method answers with a stream: see [Streams](#streams-rpcstream). It is `readonly`. |
/// | `resume` | Clients can resume the stream where it was. |
/// | `lag = "latest"`, `"drop_oldest(100)"`, `"end"` | What happens to items that the client does not read in time. Default: the stream waits. |
/// | `subscribe = ".."`, `topic = ".."` | The method of the older subscription form that also opens the stream, and the first parameter that selects it. Both are as on the wire, without the namespace. |
/// | `unsubscribe = ".."` | The method of the older subscription form that ends the stream, as on the wire. |
///
/// A method that is neither `readonly` nor `idempotent` runs at most once for each call. Its calls carry an idempotency
/// key, and the server never runs a second call under the same key. The client's method inherits the documentation,
/// `#[deprecated]` and `#[cfg(..)]`.
///
/// On methods and parameters, the attributes inside `#[cfg_attr(..)]` apply if the condition holds. Examples are
/// `#[cfg_attr(feature = "cache", rpc(readonly))]` and `#[cfg_attr(docsrs, doc(cfg(unix)))]`. `#[deprecated]` on the
/// trait also marks the server's and the client's type.
///
/// # Lints
///
/// `#[allow]`, `#[warn]` and `#[deny]` on the trait or on a method also apply to the code generated from it. There,
/// `#[expect]` acts as `#[allow]`: the trait fulfils the expectation. Generated code causes no warnings about the style
/// of names, deprecation or dead code, and none of clippy's groups `all` and `pedantic`.
///
/// # On a parameter: `#[rpc(..)]`
///
/// | key | meaning |
/// |---|---|
/// | `name = "userId"` | The name on the wire. Default: the parameter's own name. |
/// | `default` | Callers may omit the parameter. Its value is then the `Default` of its type. |
/// | `default = 10` | Callers may omit the parameter. Its value is then this expression. |
/// | `context` | The argument is the call's `&rpc::Context` and not a parameter. At most one, at any position. |
///
/// Callers may omit a parameter of type `Option` on the wire, and the client omits one that is `None`. The client's
/// method takes all parameters, also those with a default. To let users of the client omit a parameter, make it an
/// `Option`. The client's method takes `impl Into<String>` for a `String` parameter, and for no other type: for an
/// `Option<String>` it takes an `Option<String>`.
///
/// A parameter may have documentation, which descriptions contain.
///
/// # All params in one: `#[rpc(params)]`
///
/// The struct defines the members, the optional members, and whether unknown members are rejected
/// (`#[serde(deny_unknown_fields)]`). `lenient` and `params = "positional"` do not apply to it. An array of params
/// fills the struct's fields in their order, as far as serde allows. Absent params count as an object without members.
/// The type may be any type that is an array or an object in JSON. With any other JSON value, the call fails before the
/// client sends it. The client sends an `Option` that is `None` as no params. The parameter's own name never appears on
/// the wire.
///
/// # Methods that block: `#[rpc(blocking)]`
///
/// The server runs such a method on a thread of `tokio::task::spawn_blocking`, so it delays no other call. Once it has
/// begun, nothing stops it. If it times out, its caller gets an error and the method continues. If its caller leaves,
/// the method continues too, even if it is `readonly`. A `readonly` method does not begin if it times out or its caller
/// leaves before a thread is free. The method can check `cx.is_cancelled()`. The runtime shuts down only after the
/// method has returned. The type of its result must be `Send`.
///
/// # Order: `#[rpc(ordered)]`
///
/// On a session, such as a WebSocket, the notifications of all ordered methods run one after another, in the order in
/// which they came. The next one begins once the handler of the previous one has returned, has panicked, or has reached
/// the handler timeout. Calls, batches and other notifications neither wait for them nor delay them. A call of an
/// ordered method does not wait either. There is no order over HTTP and within a batch. A blocking method that exceeds
/// the handler timeout continues while the next notification runs.
///
/// # Streams: `#[rpc(stream)]`
///
/// The method returns `impl Stream<Item = ..> + Send`, or a `Result` of it. It is `async` or not. The macro adds the
/// bound `Send` if it is missing. The stream may borrow from `self` and from the context. The server drops it when the
/// client leaves.
///
/// | items | meaning |
/// |---|---|
/// | `T` | An item. |
/// | `Result<T, E>` | An item, or an error that ends the stream. |
/// | `At<C, T>`, `Result<At<C, T>, E>` | The same, with a cursor, for `resume`. |
/// | `Shared<T>` in place of `T` | An item that is serialized once for all streams. Clients get `T`. |
///
/// If the method returns `Result<impl Stream, E>`, the error `E` refuses the call. It must be the type of the items'
/// errors, if both exist. The client's method returns `rpc::StreamCall<T, E, C>`. `E` and `C` are `Infallible` where
/// the stream has no error or no cursor.
///
/// With `resume`, the last parameter is `after: rpc::After<C>`, with the type of the items' cursors. It is empty for a
/// new stream. Otherwise it has the cursor of the last item that the client got. The client's method does not have this
/// parameter: the client fills it in.
///
/// A `timeout` bounds the time until the stream is accepted, and not the stream.
///
/// # What a method may be
///
/// A method is `async` or not, takes `&self`, and has at most 16 parameters with owned types and plain names. It has
/// one of these return types:
///
/// | return type | on the wire | in the client |
/// |---|---|---|
/// | none | `null` | `rpc::Call<()>` |
/// | `T` | the value | `rpc::Call<T>` |
/// | `Result<T, E>` with `E: rpc::RpcError` | the value or the error | `rpc::Call<T, E>` |
/// | a stream, with `stream` | its items, and at last `null` or the error | `rpc::StreamCall<T, E, C>` |
///
/// An alias called `Result` may contain its error type, as in `type Result<T> = ..`. An alias of `Result` with any
/// other name is a compile error, since the macro would treat it as a plain value.
///
/// The types of parameters and results implement serde's traits: one side serializes them and the other side
/// deserializes them.
///
/// A method that is not `async` occupies its thread until it returns, and no time limit can stop it. Keep such a method
/// short, or mark it `blocking`. Make all other methods `async`, and implement an `async` method with `async fn`.
///
/// Each of the following is a compile error:
///
/// - generics, `impl Trait` except streams, associated types and constants;
/// - `self` by value, and `&mut self`;
/// - patterns and references as parameters, and conditional parameters;
/// - methods named `clone`, `into` or `try_into`, which would collide with the client's own methods;
/// - equal names on the wire, and names that begin with `rpc.`, which JSON-RPC 2.0 reserves.
///
/// If a method is named `new`, the client has no constructor `new`: use `From`. If a method is named `of`, the client
/// has no constructor `of`.
#[proc_macro_attribute]
pub fn service(args: TokenStream, input: TokenStream) -> TokenStream {
    service::expand(args.into(), input.into()).into()
}

/// Expands [`macro@service`] again, after rustc has decided whether a condition in the trait holds.
#[doc(hidden)]
#[proc_macro_attribute]
pub fn service_where(args: TokenStream, input: TokenStream) -> TokenStream {
    service::expand_where(args.into(), input.into()).into()
}

/// # On the wire
///
/// The error's code identifies its variant. The text of its `Display` is the message, and its fields are the data:
///
/// | fields | data |
/// |---|---|
/// | none | none |
/// | named | an object |
/// | one unnamed | the field's own value |
/// | several unnamed | an array |
///
/// If an error's data does not fit its variant, the client does not decode it. The caller gets the error as received.
///
/// # On a variant, or on a struct: `#[rpc(..)]`
///
/// | key | meaning |
/// |---|---|
/// | `code = 1001` | The code: an integer literal, different for each variant. |
/// | `retryable` | A call with this error has had no effect. The client retries the call, also if the method is neither `readonly` nor `idempotent`. |
/// | `transparent` | The variant wraps another error type in its only field, and is that error on the wire. Takes no `code`. |
/// | `internal` | An internal error: the server logs it, and its caller gets -32603. Takes no `code`. |
///
/// Codes may be any integer outside of -32768 to -32000, which JSON-RPC 2.0 reserves, and also -32088 to -32000, which
/// many services use. A wrapped type must not share a code with the type that wraps it. The last variant may wrap an
/// `rpc::ErrorObject`, which accepts any code.
///
/// # On a field: `#[rpc(..)]`
///
/// | key | meaning |
/// |---|---|
/// | `name = "userId"` | The field's name in the data. Default: the field's own name. |
///
/// # On the type: `#[rpc(..)]`
///
/// | key | meaning |
/// |---|---|
/// | `openrpc` | Adds the types of fields to descriptions. These types must implement `schemars::JsonSchema`; see `rpc::openrpc`. Needs the facade's feature `openrpc`. |
/// | `crate = ::path` | The facade's path. Default: `::rpc`. |
///
/// An error's message in descriptions is the text of thiserror's `#[error("..")]`, or else the first paragraph of the
/// documentation.
///
/// The derive rejects generic types, unions, enums without variants, references, and more than 16 fields.
#[proc_macro_derive(RpcError, attributes(rpc))]
pub fn derive_rpc_error(input: TokenStream) -> TokenStream {
    error::expand(input.into()).into()
}
