//! What makes a call reliable: when it goes again, how often, after which pause, and what is proof enough for that.

pub(crate) mod attempt;
pub(crate) mod attempt_hook;
pub(crate) mod budget;
pub(crate) mod judge;
pub(crate) mod keys;
pub(crate) mod retry;
