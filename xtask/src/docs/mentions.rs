//! Files that pages and comments mention by their path from the root exist.

use super::finding::Finding;
use super::markdown::Markdown;
use super::repo::Repo;

/// Lists the mentions of files that do not exist.
pub(super) fn check(repo: &Repo) -> Vec<Finding> {
    // The changelog and the decisions tell of what was.
    let is_history = |path: &str| path == "CHANGELOG.md" || path.starts_with("docs/decisions/");
    let mut findings = Vec::new();
    for (path, text) in repo.pages().filter(|(path, _)| !is_history(path)) {
        for (line, text) in Markdown::new(text.lines()).prose.into_iter().enumerate() {
            findings.extend(missing(repo, path, line, text.unwrap_or_default()));
        }
    }
    for (path, text) in repo.sources() {
        for (line, text) in text.lines().enumerate().filter(|(_, text)| text.trim_start().starts_with("//")) {
            findings.extend(missing(repo, path, line, text));
        }
    }
    findings
}

/// Returns the missing files that a line mentions.
fn missing(repo: &Repo, path: &str, line: usize, text: &str) -> Vec<Finding> {
    let is_of_path = |char: char| char.is_ascii_alphanumeric() || matches!(char, '_' | '-' | '.' | '/');
    let words = text.split(|char| !is_of_path(char)).map(|word| word.trim_end_matches('.'));
    let is_file = |word: &str| word.ends_with(".md") || word.ends_with(".rs");
    let is_of_the_root = |word: &str| {
        // Examples such as `src/main.rs` are files of the reader.
        word.split_once('/').is_some_and(|(folder, _)| !["", ".", "src"].contains(&folder) && repo.has(folder))
    };
    let missing = words.filter(|word| is_file(word) && is_of_the_root(word) && !repo.has(word));
    let finding = |word| Finding::new(path, line, format!("{word} does not exist"));
    missing.map(finding).collect()
}
