//! Links between pages lead to files and headings that exist.

use std::collections::BTreeMap;

use super::finding::Finding;
use super::markdown::Markdown;
use super::repo::{Repo, resolve};

/// Lists the links that lead nowhere.
pub(super) fn check(repo: &Repo) -> Vec<Finding> {
    let pages: BTreeMap<_, _> = repo.pages().map(|(path, text)| (path, Markdown::new(text.lines()))).collect();
    let documented = repo.doctested();
    let mut findings = Vec::new();
    for (&path, page) in &pages {
        for link in page.links().into_iter().filter(|link| !is_of_the_web(&link.to)) {
            let fault = match is_of_rust(&link.to) {
                true if documented.contains(path) => None,
                true => Some("is a path of Rust, and this page is in no crate's documentation".to_owned()),
                false => fault(repo, &pages, path, &link.to),
            };
            findings.extend(fault.map(|fault| finding(path, link.line, &link.to, &fault)));
        }
    }
    for (path, text) in repo.sources() {
        let comments = Markdown::new(text.lines().map(documentation));
        // Rustdoc checks the links to items. Those to its own pages end in `.html`.
        for link in comments.links().into_iter().filter(|link| is_to_a_file(&link.to)) {
            findings.extend(fault(repo, &pages, path, &link.to).map(|it| finding(path, link.line, &link.to, &it)));
        }
    }
    findings
}

fn finding(path: &str, line: usize, to: &str, fault: &str) -> Finding {
    Finding::new(path, line, format!("the link `{to}` {fault}"))
}

/// Says what is wrong with a link in a file.
fn fault(repo: &Repo, pages: &BTreeMap<&str, Markdown<'_>>, from: &str, to: &str) -> Option<String> {
    let (path, anchor) = to.split_once('#').map_or((to, None), |(path, anchor)| (path, Some(anchor)));
    let target = if path.is_empty() { Some(from.to_owned()) } else { resolve(from, path) };
    let Some(target) = target.filter(|target| repo.has(target)) else {
        return Some("leads to no file of the repository".to_owned());
    };
    let target = repo.symlinks.get(&target).unwrap_or(&target);
    match (anchor, pages.get(target.as_str())) {
        (Some(anchor), Some(page)) if !page.anchors().contains(anchor) => {
            Some(format!("leads to no heading of {target}"))
        }
        (Some(_), None) => Some(format!("has an anchor, and {target} is no page")),
        _ => None,
    }
}

/// Returns whether a link begins with a scheme.
fn is_of_the_web(to: &str) -> bool {
    to.split_once(':').is_some_and(|(scheme, rest)| {
        let is_scheme = |char: char| char.is_ascii_alphanumeric() || matches!(char, '+' | '-' | '.');
        !rest.starts_with(':') && !scheme.is_empty() && scheme.chars().all(is_scheme)
    })
}

/// Returns whether a link is a path that rustdoc resolves, such as `crate::Client` or `trait@Service`.
fn is_of_rust(to: &str) -> bool {
    (to.contains("::") || to.contains('@')) && !to.contains('/') && !to.contains(".md")
}

/// Returns whether a link in the documentation of an item is one to a file of the repository.
fn is_to_a_file(to: &str) -> bool {
    let path = to.split('#').next().unwrap_or_default();
    let is_file = [".md", ".rs", ".toml", ".json"].iter().any(|extension| path.ends_with(extension));
    is_file && !is_of_the_web(to)
}

/// Returns what a line says in the documentation of an item, empty if it is none.
fn documentation(line: &str) -> &str {
    let line = line.trim_start();
    line.strip_prefix("///").or_else(|| line.strip_prefix("//!")).unwrap_or_default()
}
