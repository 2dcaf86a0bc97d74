//! The code of guides that rustdoc does not test, with what it needs around it. `cargo xtask docs` fails when a guide
//! shows code that nothing compiles.
//!
//! This code is never run. It needs files, addresses and databases that tests do not have.
#![expect(dead_code, unused_variables, reason = "nothing runs the code, and the guides leave off how it goes on")]

mod evolving;
mod production;
mod reliability;
