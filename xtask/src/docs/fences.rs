//! Code in the README and the guides has a language, and Rust code is compiled: as a doctest, or as a part of a test or
//! of an example.

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::finding::Finding;
use super::markdown::{Fence, Markdown};
use super::repo::Repo;

/// What a fence may be tagged as.
const LANGUAGES: [&str; 10] = ["console", "http", "ini", "json", "rust", "sh", "sql", "text", "toml", "yaml"];

/// Lists the blocks of code without a language, and those that nothing compiles.
pub(super) fn check(repo: &Repo) -> Vec<Finding> {
    let doctested = repo.doctested();
    let programs: Vec<String> =
        repo.sources().filter(|(path, _)| is_program(path)).map(|(_, text)| words(text)).collect();
    let mut findings = Vec::new();
    for (path, text) in repo.pages().filter(|(path, _)| is_guide(path)) {
        let page = Markdown::new(text.lines());
        for fence in &page.fences {
            let fault = fault(fence, &page, doctested.contains(path), &programs);
            findings.extend(fault.map(|fault| Finding::new(path, fence.line, fault)));
        }
    }
    findings
}

fn is_guide(path: &str) -> bool {
    path == "README.md" || path.strip_prefix("docs/").is_some_and(|page| !page.contains('/'))
}

/// Returns whether a file is compiled and may hold what guides show. Files of `tests/ui` fail to compile.
fn is_program(path: &str) -> bool {
    (path.starts_with("tests/") && !path.starts_with("tests/ui/")) || path.starts_with("examples/")
}

/// Says what is wrong with a block of code.
fn fault(fence: &Fence<'_>, page: &Markdown<'_>, is_doctested: bool, programs: &[String]) -> Option<&'static str> {
    let mut tags = fence.info.split([',', ' ']);
    let language = tags.next().unwrap_or_default();
    if !fence.is_closed {
        return Some("the code is not closed");
    } else if language.is_empty() {
        return Some("the code has no language");
    } else if !LANGUAGES.contains(&language) {
        return Some("the language of the code is none of those in xtask/src/docs/fences.rs");
    } else if language != "rust" {
        return None;
    } else if fence.code.iter().any(|line| *line == "#" || line.starts_with("# ")) {
        return Some("the code has a line that rustdoc hides, and other readers see");
    }
    let is_ignored = tags.any(|tag| tag == "ignore");
    let code = words(&fence.code.join("\n"));
    let is_compiled = is_doctested && !is_ignored || programs.iter().any(|program| program.contains(&code));
    let has_reason = is_ignored && says_why_not(fence, page);
    (!is_compiled && !has_reason).then_some(
        "nothing compiles the code: put it into a test in tests/it/guides, \
         or tag it `rust,ignore` behind a line `<!-- not compiled: .. -->`",
    )
}

/// Returns whether the line before a fence says why nothing compiles the code.
fn says_why_not(fence: &Fence<'_>, page: &Markdown<'_>) -> bool {
    let is_blank = |line: &Option<&str>| line.is_some_and(|line| line.trim().is_empty());
    let before = page.prose[..fence.line].iter().rev().find(|line| !is_blank(line)).copied().flatten();
    let reason = before.and_then(|line| line.trim().strip_prefix("<!-- not compiled:")?.strip_suffix("-->"));
    reason.is_some_and(|reason| !reason.trim().is_empty())
}

/// Returns the tokens of code, each between blanks: comments and format do not count. Text that is not Rust stays.
fn words(code: &str) -> String {
    let Ok(tokens) = code.parse() else { return code.to_owned() };
    let mut words = String::from(" ");
    write(tokens, &mut words);
    words
}

fn write(tokens: TokenStream, words: &mut String) {
    for token in tokens {
        let TokenTree::Group(group) = token else {
            words.extend([token.to_string().as_str(), " "]);
            continue;
        };
        let (open, close) = match group.delimiter() {
            Delimiter::Parenthesis => ("( ", ") "),
            Delimiter::Brace => ("{ ", "} "),
            Delimiter::Bracket => ("[ ", "] "),
            Delimiter::None => ("", ""),
        };
        words.push_str(open);
        write(group.stream(), words);
        // Formatting adds and removes a comma at the end.
        if words.ends_with(" , ") {
            words.truncate(words.len() - 2);
        }
        words.push_str(close);
    }
}
