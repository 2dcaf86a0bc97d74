//! How long a crate with one service of 100 methods takes to compile: the cost of the macro's expansion for its users.
//!
//! The same service is written for each peer, in a project of its own. Dependencies are built beforehand. Two things
//! are timed: `cargo check` after an edit of a handler, and `cargo build` of the crate alone, after `cargo clean -p`.

mod peers;
mod project;
mod source;

use std::io;
use std::path::Path;

use peers::Peer;
use project::Project;

/// The times of one peer, in seconds, with one value per round.
#[derive(Debug)]
pub(crate) struct Times {
    pub(crate) name: &'static str,
    /// `cargo check` after an edit.
    pub(crate) check: Vec<f64>,
    /// `cargo build` of the crate alone, without optimizations.
    pub(crate) build: Vec<f64>,
}

/// Measures all peers in turn, round by round, so that other load on the machine affects all of them.
///
/// `repository` is the directory of the facade. `target` is a directory for the projects and their build output.
///
/// # Errors
///
/// If a project cannot be written or does not compile.
pub(crate) fn run(repository: &Path, target: &Path, rounds: usize) -> io::Result<Vec<Times>> {
    let mut projects = Vec::new();
    for peer in Peer::all() {
        let project = Project::create(peer, repository, target)?;
        project.build_dependencies()?;
        let times = Times { name: project.name(), check: Vec::new(), build: Vec::new() };
        projects.push((project, times));
    }
    for round in 0..rounds {
        for (project, times) in &mut projects {
            times.check.push(project.check_after_edit(round)?.as_secs_f64());
            times.build.push(project.build_alone()?.as_secs_f64());
        }
    }
    Ok(projects.into_iter().map(|(_, times)| times).collect())
}
