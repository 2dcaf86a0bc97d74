//! A server process under long and bad use: its memory stays flat, every call is answered, and no effect ends half
//! done. By default, the runs are short. `RPC_SOAK=1` makes them ten times as long.

mod calls;
mod child;
mod connections;
mod disconnects;
mod memory;
mod panics;

/// Returns whether full runs are requested.
fn is_full() -> bool {
    std::env::var_os("RPC_SOAK").is_some()
}

/// Returns this number in a full run, and a tenth of it otherwise.
fn scaled(full: usize) -> usize {
    if is_full() { full } else { full / 10 }
}
