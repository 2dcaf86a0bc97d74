//! What values must be that move between threads. It is said here alone, so that a target without threads, such as
//! `wasm32-unknown-unknown`, has one place to ask for less. Nobody has built that: it is unchecked.

use std::pin::Pin;

/// [`Send`], where values move between threads.
pub trait MaybeSend: Send {}

impl<T: Send + ?Sized> MaybeSend for T {}

/// [`Sync`], where values are shared between threads.
pub trait MaybeSync: Sync {}

impl<T: Sync + ?Sized> MaybeSync for T {}

/// A boxed future that may move between threads.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;
