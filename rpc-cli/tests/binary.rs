//! Runs the binary, in pipes or in a pseudo-terminal.

mod rpc_command;
mod terminal;

pub(crate) use rpc_command::{Ended, RpcCommand, program, rpc};
pub(crate) use terminal::Terminal;
