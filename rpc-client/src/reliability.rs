//! The rules of retries: what an attempt proves, how often and when a call is retried, and what is known of the
//! server's store. `delivery` applies them. Nothing here sends anything.

pub(crate) mod attempt;
pub(crate) mod attempt_hook;
pub(crate) mod budget;
pub(crate) mod judge;
pub(crate) mod keys;
pub(crate) mod retry;
