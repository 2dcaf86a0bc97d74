//! `cargo xtask circles`: finds the files of each crate that name each other in a loop.
//!
//! A file should stand above all files that it names, so that it can be read without them. In a loop, no file can.
//! `xtask/circles.txt` lists the loops that still exist, and the list may only shrink.
//!
//! An edge from a file to another file of its crate is:
//!
//! - a path in its code to an item that the other file defines: a type, a trait, a function, a constant, a macro.
//!   Re-exports, globs and renames are followed to the definition, so a path through `super::` leads to the file with
//!   the item;
//! - a private `use` of such an item, even if the file uses only the methods of a trait.
//!
//! Not an edge: `mod`, a re-export (`pub use`, `pub(crate) use`), the bare name of a module, code built for tests
//! alone, documentation, and the strings of attributes. All features count at once.
//!
//! A struct in the braces of a macro, such as `settings!`, counts as written there, with the types and defaults of its
//! fields.
//!
//! The check infers no types and expands no macros. So it does not see:
//!
//! - a call of a method or an access to a field, since neither names the file of its definition;
//! - names that a macro builds;
//! - names in the text of a format.
//!
//! `Type::function` is one edge to the type, and another one to the `impl` with that function if it is in another file.
//! If a path needs a name in a module that neither defines nor imports it, a macro in that module counts as its
//! definition.

mod associated;
mod graph;
mod list;
mod names;
mod scopes;
#[cfg(test)]
mod tests;
mod tokens;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{fs, io};

use graph::{Circle, Edge, Graph};

use crate::code::modules::Tree;
use crate::sources::{self, Sources};

/// The file that lists the remaining circles.
const LIST: &str = "xtask/circles.txt";

/// The number of names shown for an edge.
const SHOWN: usize = 4;

/// Shows the circles and compares them with the list. With `bless`, writes a shorter list.
pub(crate) fn run(bless: bool) -> Result<String, String> {
    let workspace = sources::workspace();
    let mut found = Vec::new();
    for package in sources::packages(&workspace)? {
        let graph = read_package(&workspace, &package)?;
        for circle in graph.circles() {
            println!("{}", show(&package, &circle, &graph));
            found.push(circle);
        }
    }
    let path = workspace.join(LIST);
    let text = match fs::read_to_string(&path) {
        Ok(text) => Some(text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(format!("{LIST}: {error}")),
    };
    if bless {
        let text = blessed(&found, text.as_deref())?;
        fs::write(&path, text).map_err(|error| format!("{LIST}: {error}"))?;
        return Ok(format!("{LIST} lists {} circles", found.len()));
    }
    judge(&found, text.as_deref())
}

/// Compares the circles found with the text of the list.
fn judge(found: &[Circle], text: Option<&str>) -> Result<String, String> {
    let difference = list::compare(found, &list::read(text.unwrap_or_default()));
    let mut message = String::new();
    if !difference.grown.is_empty() {
        let _ = writeln!(message, "Files name each other in a loop that {LIST} does not list:");
        message.extend(difference.grown.iter().map(|line| format!("  {line}\n")));
        message
            .push_str("Let what both need be a third file below. Where a listed file was renamed, rename it there.\n");
    }
    if !difference.shrunk.is_empty() {
        let _ = writeln!(message, "{LIST} lists what stands no more (`cargo xtask circles --bless` removes it):");
        message.extend(difference.shrunk.iter().map(|line| format!("  {line}\n")));
    }
    if message.is_empty() {
        Ok(format!("{} circles of files stand, all of them listed in {LIST}", found.len()))
    } else {
        Err(message.trim_end().to_owned())
    }
}

/// Returns the new text of the list. Fails if it would allow more than the old one.
fn blessed(found: &[Circle], text: Option<&str>) -> Result<String, String> {
    if let Some(text) = text {
        let grown = list::compare(found, &list::read(text)).grown;
        if !grown.is_empty() {
            return Err(format!("{LIST} may only shrink, and is left as it is:\n  {}", grown.join("\n  ")));
        }
    }
    Ok(list::write(found))
}

/// Shows the files of a circle, and the names that each file uses from the others.
fn show(package: &str, circle: &Circle, graph: &Graph) -> String {
    let mut text = format!("{package}: {} files name each other in a loop:\n", circle.len());
    for from in circle {
        let _ = writeln!(text, "  {from}");
        for (to, edge) in graph.edges_of(from).filter(|(to, _)| circle.contains(*to)) {
            let _ = writeln!(text, "    {from}:{} {} of {to}", first_line(edge), named(edge));
        }
    }
    text
}

fn first_line(edge: &Edge) -> usize {
    edge.names.values().copied().min().unwrap_or_default()
}

fn named(edge: &Edge) -> String {
    let mut names: Vec<(&String, &usize)> = edge.names.iter().collect();
    names.sort_by_key(|(_, line)| **line);
    let shown: Vec<&str> = names.iter().take(SHOWN).map(|(name, _)| name.as_str()).collect();
    let more = names.len() - shown.len();
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    format!("names {}{more}", shown.join(", "))
}

fn read_package(workspace: &Path, package: &str) -> Result<Graph, String> {
    let source = sources::folder(package);
    let roots = [source.join("lib.rs"), source.join("main.rs")];
    graph(&sources::read(workspace, &source)?, &roots)
}

/// Builds the graph of files that name each other, for the crates with the root files `roots`.
fn graph(sources: &Sources, roots: &[PathBuf]) -> Result<Graph, String> {
    let mut graph = Graph::default();
    for root in roots.iter().filter(|root| sources.contains_key(*root)) {
        names::collect(&Tree::read(sources, root)?, &mut graph);
    }
    Ok(graph)
}
