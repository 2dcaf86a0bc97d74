//! `rpc call`: params, effects, exit codes, repeats, and what it shows of requests.

mod curl;
mod dump;
mod exits;
mod notify;
mod params;
mod repeats;
