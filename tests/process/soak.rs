//! A server process that is used for long and badly: its memory stays where it was, every call is answered, and no
//! effect is left half done. What always runs is short; `RPC_SOAK=1` runs ten times as much.

mod calls;
mod child;
mod connections;
mod disconnects;
mod memory;
mod panics;

/// Tells whether everything is wanted.
fn is_full() -> bool {
    std::env::var_os("RPC_SOAK").is_some()
}

/// Returns this many where everything is wanted, and a tenth of it otherwise.
fn scaled(full: usize) -> usize {
    if is_full() { full } else { full / 10 }
}
