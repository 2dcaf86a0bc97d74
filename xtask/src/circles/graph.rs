//! The graph of files that name each other, and its circles.

use std::collections::{BTreeMap, BTreeSet};

use crate::code::modules::File;

/// Files that name each other in a loop: each of them reaches every other one.
pub(super) type Circle = BTreeSet<File>;

/// The names by which one file refers to another.
#[derive(Debug, Default)]
pub(super) struct Edge {
    /// The items, each with the first line that names it.
    pub(super) names: BTreeMap<String, usize>,
}

/// The graph of files that name each other.
#[derive(Debug, Default)]
pub(super) struct Graph {
    edges: BTreeMap<File, BTreeMap<File, Edge>>,
}

impl Graph {
    /// Records that `from` names `name` at `line`, and that `to` defines it. A file that names itself makes no edge.
    pub(super) fn name(&mut self, from: &str, to: &str, name: String, line: usize) {
        if from == to {
            return;
        }
        let edge = self.edges.entry(from.to_owned()).or_default().entry(to.to_owned()).or_default();
        let first = edge.names.entry(name).or_insert(line);
        *first = line.min(*first);
    }

    /// Returns the names that a file uses, by the files that define them.
    pub(super) fn edges_of(&self, from: &str) -> impl Iterator<Item = (&File, &Edge)> {
        self.edges.get(from).into_iter().flatten()
    }

    /// Finds the strongly connected components of more than one file, in the order of their first files.
    pub(super) fn circles(&self) -> Vec<Circle> {
        let reach: BTreeMap<&str, BTreeSet<&str>> =
            self.edges.keys().map(|file| (file.as_str(), self.reached_from(file))).collect();
        let mut circles = Vec::new();
        let mut placed: BTreeSet<&str> = BTreeSet::new();
        for (file, reached) in &reach {
            if !reached.contains(file) || placed.contains(file) {
                continue;
            }
            let circle: BTreeSet<&str> = reached
                .iter()
                .copied()
                .filter(|other| reach.get(other).is_some_and(|back| back.contains(file)))
                .collect();
            placed.extend(&circle);
            circles.push(circle.into_iter().map(str::to_owned).collect());
        }
        circles
    }

    /// Collects the files that some walk from `start` reaches. `start` itself is included only if a loop leads back to
    /// it.
    fn reached_from(&self, start: &str) -> BTreeSet<&str> {
        let mut reached = BTreeSet::new();
        let mut left: Vec<&str> = self.edges_of(start).map(|(to, _)| to.as_str()).collect();
        while let Some(file) = left.pop() {
            if reached.insert(file) {
                left.extend(self.edges_of(file).map(|(to, _)| to.as_str()));
            }
        }
        reached
    }
}
