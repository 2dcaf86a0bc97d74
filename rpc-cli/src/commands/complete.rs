//! `rpc __complete SHELL WORDS`: prints what can stand at the end of a command line, for the scripts of
//! `rpc completions`. It is quick and quiet: without a server there are no candidates, and never an error.

use std::ffi::OsString;
use std::io::Write;
use std::time::Duration;

use clap::Command;

use crate::completion::{self, Candidate};

/// The first argument of the scripts.
pub(super) const NAME: &str = "__complete";

/// How long a server has. What it has not told by then is not shown.
const TIMEOUT: Duration = Duration::from_millis(230);

/// Prints the candidates, each on a line. The arguments are the shell, and
///
/// - for bash: the characters that end words, and the line up to the cursor;
/// - for others: the words after the name of the program, with the one to complete at the end.
pub(super) fn run(args: impl Iterator<Item = OsString>, definition: Command) {
    end_in_time();
    let mut args = args.map(|arg| arg.to_string_lossy().into_owned());
    let shell = args.next().unwrap_or_default();
    let mut words: Vec<String> = args.collect();
    let mut breaks = String::new();
    if shell == "bash" {
        let line = words.pop().unwrap_or_default();
        breaks = words.pop().unwrap_or_default();
        words = completion::words(&line).split_off(1);
    }
    let candidates = find(definition, &words);
    let current = words.last().map(String::as_str).unwrap_or_default();
    let lines = candidates.iter().map(|candidate| match &*shell {
        "bash" => completion::unbroken(&candidate.text, current, &breaks).to_owned() + "\n",
        "zsh" => described(&candidate.text.replace(':', "\\:"), ':', candidate),
        _ => described(&candidate.text, '\t', candidate),
    });
    // A shell that no longer reads needs nothing more.
    let _ = std::io::stdout().write_all(lines.collect::<String>().as_bytes());
}

fn find(definition: Command, words: &[String]) -> Vec<Candidate> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return Vec::new() };
    let found =
        runtime.block_on(async { tokio::time::timeout(TIMEOUT, completion::candidates(definition, words)).await });
    runtime.shutdown_background();
    found.ok().and_then(Result::ok).unwrap_or_default()
}

/// Ends the process even if a file system hangs.
fn end_in_time() {
    std::thread::spawn(|| {
        std::thread::sleep(TIMEOUT + TIMEOUT / 8);
        std::process::exit(0);
    });
}

fn described(text: &str, separator: char, candidate: &Candidate) -> String {
    if candidate.docs.is_empty() { format!("{text}\n") } else { format!("{text}{separator}{}\n", candidate.docs) }
}
