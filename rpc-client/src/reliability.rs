//! The rules of retries: what an attempt proves, how often and when a call is retried, and what the client knows of the
//! server's store. `delivery` applies them. This module sends nothing.

pub(crate) mod attempt;
pub(crate) mod attempt_hook;
pub(crate) mod budget;
pub(crate) mod judge;
pub(crate) mod keys;
pub(crate) mod retry;
pub(crate) mod verdict;
