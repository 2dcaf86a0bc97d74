//! The modules of crates, read by `syn`: what each module defines and imports, and what a path in it means.
//!
//! All features count at once, and nothing is compiled. What is built for tests alone is left out.

pub(crate) mod cfg;
mod expand;
pub(crate) mod items;
pub(crate) mod macro_rules;
pub(crate) mod modules;
mod resolve;
