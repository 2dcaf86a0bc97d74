//! `cargo xtask docs`: checks the pages and comments of the repository: links, widths of lines, and the code of guides.

mod fences;
mod finding;
mod links;
mod markdown;
mod mentions;
mod repo;
#[cfg(test)]
mod tests;
mod width;

use finding::Finding;
use repo::Repo;

use crate::sources;

/// Checks all files that git tracks or could track.
///
/// # Errors
///
/// With all findings, one a line, and their number.
pub(crate) fn run() -> Result<String, String> {
    let repo = Repo::read(&sources::workspace())?;
    let findings = findings(&repo);
    if findings.is_empty() {
        return Ok("links, widths and code of all pages and comments are sound".to_owned());
    }
    let mut report: String = findings.iter().map(|finding| format!("{finding}\n")).collect();
    report.push_str(&format!("findings: {}", findings.len()));
    Err(report)
}

/// Returns what is wrong, in the order of files and lines.
fn findings(repo: &Repo) -> Vec<Finding> {
    let mut findings = links::check(repo);
    findings.extend(mentions::check(repo));
    findings.extend(width::check(repo));
    findings.extend(fences::check(repo));
    findings.sort();
    findings
}
