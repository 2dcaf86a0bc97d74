//! `Send` and `Sync` bounds under names of our own. A target without threads, such as `wasm32-unknown-unknown`, would
//! need weaker ones. No such build exists yet: sources of errors, claims, and streamed bodies still name `Send`.

use std::pin::Pin;

/// [`Send`], where values move between threads.
pub trait MaybeSend: Send {}

impl<T: Send + ?Sized> MaybeSend for T {}

/// [`Sync`], where values are shared between threads.
pub trait MaybeSync: Sync {}

impl<T: Sync + ?Sized> MaybeSync for T {}

/// A boxed future that may move between threads.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
