//! `rpc completions`: prints the completion script of a shell.

use clap::{Args, Command};
use clap_complete::Shell;

use crate::completion::script;
use crate::error::CliError;
use crate::exit::Exit;
use crate::output::Output;

/// Print the completion script of a shell
///
/// The scripts for bash, fish and zsh also complete the methods and params of the server on the line, and the profiles
/// after @. They wait for the server for at most 230 ms, and keep its answer for five minutes.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  source <(rpc completions bash)
  rpc completions bash > ~/.local/share/bash-completion/completions/rpc
  rpc completions zsh > \"${fpath[1]}/_rpc\"
  rpc completions fish > ~/.config/fish/completions/rpc.fish")]
pub(crate) struct CompletionsArgs {
    shell: Shell,
}

pub(super) fn run(args: &CompletionsArgs, definition: &mut Command, output: &mut Output) -> Result<Exit, CliError> {
    for line in script(args.shell, definition).lines() {
        output.line(line)?;
    }
    Ok(Exit::Success)
}
