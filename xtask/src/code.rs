//! The modules of crates, parsed by `syn`: the definitions and imports of each module, and the resolution of its paths.
//!
//! All features count at once, and nothing is compiled. Code built for tests alone is left out.

pub(crate) mod cfg;
mod expand;
pub(crate) mod items;
pub(crate) mod macro_rules;
pub(crate) mod modules;
mod resolve;
