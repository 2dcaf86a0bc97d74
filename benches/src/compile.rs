//! How long a crate takes to compile that has one service of 100 methods: what the macro's expansion costs its users.
//!
//! The same service is written for each peer, in a project of its own. Dependencies are built beforehand; what is timed
//! is `cargo check` after an edit of a handler, and `cargo build` of the crate alone, as `cargo clean -p` leaves it.

#[path = "compile/peers.rs"]
mod peers;
#[path = "compile/project.rs"]
mod project;
#[path = "compile/source.rs"]
mod source;

use std::io;
use std::path::Path;
use std::time::Duration;

use peers::Peer;
use project::Project;

/// The peer that ratios are of.
const BASE: &str = "jsonrpsee";

/// What one peer took.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// `cargo check` after an edit.
    pub(crate) check: Spread,
    /// `cargo build` of the crate alone, without optimizations.
    pub(crate) build: Spread,
    /// Medians, as parts of jsonrpsee's.
    pub(crate) check_ratio: f64,
    pub(crate) build_ratio: f64,
}

/// Seconds: the median and the quartiles around it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

/// Measures all peers in turn, round after round, so that what else the machine does falls on all of them.
///
/// `repository` is where the facade is, `target` a directory for the projects and what is built of them.
///
/// # Errors
///
/// If a project cannot be written or does not compile.
pub(crate) fn run(repository: &Path, target: &Path, quick: bool) -> io::Result<Vec<Row>> {
    let rounds = if quick { 3 } else { 11 };
    let mut projects = Vec::new();
    for peer in Peer::all() {
        let project = Project::create(peer, repository, target)?;
        project.build_dependencies()?;
        projects.push((project, Times::default()));
    }
    for round in 0..rounds {
        for (project, times) in &mut projects {
            times.check.push(project.check_after_edit(round)?);
            times.build.push(project.build_alone()?);
        }
    }
    Ok(rows(projects))
}

#[derive(Default)]
struct Times {
    check: Vec<Duration>,
    build: Vec<Duration>,
}

fn rows(projects: Vec<(Project, Times)>) -> Vec<Row> {
    let mut rows: Vec<Row> = projects
        .into_iter()
        .map(|(project, times)| Row {
            name: project.name(),
            check: Spread::of(times.check),
            build: Spread::of(times.build),
            check_ratio: 1.0,
            build_ratio: 1.0,
        })
        .collect();
    let base = rows.iter().find(|row| row.name == BASE).map(|row| (row.check.median, row.build.median));
    if let Some((check, build)) = base {
        for row in &mut rows {
            row.check_ratio = row.check.median / check;
            row.build_ratio = row.build.median / build;
        }
    }
    rows
}

impl Spread {
    fn of(mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |quarter: usize| times[(times.len() - 1) * quarter / 4].as_secs_f64();
        Self { low: at(1), median: at(2), high: at(3) }
    }
}
