//! The repository's own chores: `cargo xtask ci` runs what CI runs, `cargo xtask bless` rewrites snapshots,
//! `cargo xtask api` compares the public interface with its snapshot, `cargo xtask circles` finds files that name each
//! other in a loop, `cargo xtask docs` checks pages and comments, `cargo xtask root` finds stray files at the root, and
//! `cargo xtask package` packs what users get as a release does, and compiles it.
#![forbid(unsafe_code)]

mod api;
mod circles;
mod code;
mod docs;
mod package;
mod root;
mod settings;
mod sources;
mod steps;

use std::env;
use std::process::ExitCode;

fn main() -> ExitCode {
    let args: Vec<String> = env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["ci"] => steps::run(&steps::ci()),
        ["bless"] => steps::run(&steps::bless()),
        ["api"] => report(api::run(false)),
        ["api", "--bless"] => report(api::run(true)),
        ["circles"] => report(circles::run(false)),
        ["circles", "--bless"] => report(circles::run(true)),
        ["docs"] => report(docs::run()),
        ["package"] => report(package::run().map(|()| String::from("the packages compile as users get them"))),
        ["root"] => root::run(),
        _ => {
            eprintln!("usage: cargo xtask ci | bless | api [--bless] | circles [--bless] | docs | package | root");
            ExitCode::from(2)
        }
    }
}

/// Prints what a chore says of its success or its failure.
fn report(result: Result<String, String>) -> ExitCode {
    match result {
        Ok(message) => {
            println!("{message}");
            ExitCode::SUCCESS
        }
        Err(message) => {
            eprintln!("{message}");
            ExitCode::FAILURE
        }
    }
}
