//! How long a crate takes to compile that has one service of 100 methods: what the macro's expansion costs its users.
//!
//! The same service is written for each peer, in a project of its own. Dependencies are built beforehand; what is timed
//! is `cargo check` after an edit of a handler, and `cargo build` of the crate alone, as `cargo clean -p` leaves it.

mod peers;
mod project;
mod source;

use std::io;
use std::path::Path;

use peers::Peer;
use project::Project;

/// What one peer took, in seconds, a value for each round.
#[derive(Debug)]
pub(crate) struct Times {
    pub(crate) name: &'static str,
    /// `cargo check` after an edit.
    pub(crate) check: Vec<f64>,
    /// `cargo build` of the crate alone, without optimizations.
    pub(crate) build: Vec<f64>,
}

/// Measures all peers in turn, round after round, so that what else the machine does falls on all of them.
///
/// `repository` is where the facade is, `target` a directory for the projects and what is built of them.
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
