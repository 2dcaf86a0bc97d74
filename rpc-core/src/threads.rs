//! `Send` and `Sync` bounds under the framework's own names. A target without threads, such as
//! `wasm32-unknown-unknown`, would need weaker ones. No such build exists yet: sources of errors, claims, and streamed
//! bodies still require `Send`.

use std::pin::Pin;

/// [`Send`], on targets where values move between threads.
pub trait MaybeSend: Send {}

impl<T: Send + ?Sized> MaybeSend for T {}

/// [`Sync`], on targets where threads share values.
pub trait MaybeSync: Sync {}

impl<T: Sync + ?Sized> MaybeSync for T {}

/// A boxed future that may move between threads.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
