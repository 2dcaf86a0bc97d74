//! The completion scripts: those of clap_complete for commands and options, with functions that ask `rpc __complete`
//! for servers, methods and params.

use clap::Command;
use clap_complete::Shell;

/// Writes the script of a shell.
pub(crate) fn script(shell: Shell, definition: &mut Command) -> String {
    let mut script = Vec::new();
    clap_complete::generate(shell, definition, "rpc", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        Shell::Bash => script + include_str!("script/glue.bash"),
        Shell::Fish => script + include_str!("script/glue.fish"),
        Shell::Zsh => zsh(&script),
        _ => script,
    }
}

/// Lets the arguments of the commands be completed by our function.
fn zsh(script: &str) -> String {
    let mut lines = Vec::new();
    for line in script.lines() {
        let is_argument = line.starts_with("':") || line.starts_with("'*::");
        let ours = if is_argument { line.replace(":_default'", ":_rpc_words'") } else { line.to_owned() };
        lines.push(ours);
    }
    let script = lines.join("\n") + "\n";
    // The function must stand before the last lines, which run the completion.
    let (before, after) = script.rsplit_once("\nif [").unwrap_or((&script, ""));
    format!("{before}\n{}\nif [{after}", include_str!("script/glue.zsh"))
}
