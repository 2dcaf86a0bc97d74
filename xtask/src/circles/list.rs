//! The list of remaining circles: its format, and its allowed changes.

use std::collections::BTreeSet;

use super::graph::Circle;
use crate::code::modules::File;

/// The head of the list.
const HEAD: &str = "\
# Circles of files that still stand, each a paragraph of files that name each other in a loop.
# This list may only shrink. `cargo xtask circles` shows what ties each circle, and fails when the list and the code
# differ; `cargo xtask circles --bless` writes down that there is less, and never that there is more.
";

/// Parses the circles from the list's text.
pub(super) fn read(text: &str) -> Vec<Circle> {
    let mut circles = vec![Circle::new()];
    for line in text.lines().map(str::trim).filter(|line| !line.starts_with('#')) {
        match circles.last_mut() {
            Some(circle) if !line.is_empty() => drop(circle.insert(line.to_owned())),
            _ => circles.push(Circle::new()),
        }
    }
    circles.retain(|circle| !circle.is_empty());
    circles
}

/// Returns the list's text.
pub(super) fn write(circles: &[Circle]) -> String {
    let mut text = HEAD.to_owned();
    for circle in circles {
        text.push('\n');
        for file in circle {
            text.push_str(file);
            text.push('\n');
        }
    }
    text
}

/// The differences between the circles found and the list.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Difference {
    /// Circles that the list does not allow: new ones, and files that joined a listed one.
    pub(super) grown: Vec<String>,
    /// Listed files and circles that the code no longer has.
    pub(super) shrunk: Vec<String>,
}

/// Compares the circles found with the list. A circle is allowed if it lies within a listed one.
pub(super) fn compare(found: &[Circle], listed: &[Circle]) -> Difference {
    let mut difference = Difference::default();
    let is_allowed = |circle: &&Circle| listed.iter().any(|listed| circle.is_subset(listed));
    let (allowed, grown): (Vec<&Circle>, Vec<&Circle>) = found.iter().partition(is_allowed);
    difference.grown.extend(grown.iter().map(|circle| growth(circle, listed)));
    for circle in listed {
        let left: Vec<&Circle> = allowed.iter().copied().filter(|found| found.is_subset(circle)).collect();
        let stands = |file: &File| left.iter().chain(&grown).any(|found| found.contains(file));
        let gone: Vec<File> = circle.iter().filter(|file| !stands(file)).cloned().collect();
        if !gone.is_empty() {
            difference.shrunk.push(format!("remove, since no circle has them any more: {}", gone.join(", ")));
        }
        if left.len() > 1 {
            let parts: Vec<String> = left.into_iter().map(names).collect();
            difference.shrunk.push(format!("part, since no loop ties them any more: {}", parts.join(" | ")));
        }
    }
    difference
}

/// Describes how a circle exceeds the listed circle with which it shares the most files.
fn growth(circle: &Circle, listed: &[Circle]) -> String {
    let known: BTreeSet<&File> = listed.iter().flatten().collect();
    let new: Circle = circle.iter().filter(|file| !known.contains(file)).cloned().collect();
    if new.len() == circle.len() {
        format!("a new circle: {}", names(circle))
    } else if new.is_empty() {
        format!("a loop ties listed circles to each other: {}", names(circle))
    } else {
        format!("a listed circle has grown by {}", names(&new))
    }
}

fn names(files: &Circle) -> String {
    files.iter().cloned().collect::<Vec<_>>().join(", ")
}
