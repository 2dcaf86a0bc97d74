//! Lines of pages and comments have at most 120 columns, unless they cannot be broken.

use super::finding::Finding;
use super::markdown::Markdown;
use super::repo::Repo;

/// The most columns of a line, as in rustfmt.toml.
const MOST: usize = 120;

/// Lists the lines that are too wide.
pub(super) fn check(repo: &Repo) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (path, text) in repo.pages() {
        // How code on a page is broken is for its language.
        for (line, text) in Markdown::new(text.lines()).prose.into_iter().enumerate() {
            let text = text.unwrap_or_default();
            findings.extend((text.chars().count() > MOST && !is_unbreakable(text)).then(|| finding(path, line, text)));
        }
    }
    // Macros write the snapshots, and never wrap a line.
    for (path, text) in repo.sources().filter(|(path, _)| !path.split('/').any(|folder| folder == "snapshots")) {
        let comments = Markdown::new(text.lines().map(|line| comment(line).unwrap_or_default()));
        for (line, (text, prose)) in text.lines().zip(comments.prose).enumerate() {
            let Some(comment) = comment(text).filter(|_| text.chars().count() > MOST) else { continue };
            let is_unbreakable = match prose {
                Some(prose) => is_unbreakable(prose),
                None => is_unbreakable_code(text.chars().count() - comment.trim_start().chars().count(), comment),
            };
            findings.extend((!is_unbreakable).then(|| finding(path, line, text)));
        }
    }
    findings
}

fn finding(path: &str, line: usize, text: &str) -> Finding {
    Finding::new(path, line, format!("{} columns, {MOST} at most", text.chars().count()))
}

/// Returns what a line that is a comment says.
fn comment(line: &str) -> Option<&str> {
    let text = line.trim_start().strip_prefix("//")?;
    Some(text.strip_prefix(['/', '!']).unwrap_or(text))
}

/// Returns whether text cannot be broken: a row of a table, one word, or the definition of a link.
fn is_unbreakable(text: &str) -> bool {
    let text = text.trim().trim_start_matches("- ");
    let word = text.strip_prefix('[').and_then(|text| text.split_once("]: ")).map_or(text, |(_, to)| to);
    text.starts_with('|') || !word.contains(char::is_whitespace)
}

/// Returns whether a line of code has a word that is too wide even on a line of its own, four columns further in. Text
/// in quotes is one word.
fn is_unbreakable_code(indent: usize, code: &str) -> bool {
    let mut quoted = false;
    let mut escaped = false;
    let words = code.split(|char: char| {
        quoted ^= char == '"' && !escaped;
        escaped = char == '\\' && !escaped;
        !quoted && char.is_whitespace()
    });
    words.map(|word| word.chars().count()).max().is_some_and(|widest| indent + 4 + widest > MOST)
}
