//! `cargo xtask api`: compares the public interface of each published crate with the snapshot in `xtask/api`.
//!
//! `syn` reads the interface from the sources, since rustdoc's JSON needs a nightly toolchain. A snapshot has one line
//! for each public item, by the path that users see, and one for each field, variant, method and `impl`. So a reviewer
//! sees each change of the interface as a changed line. Items hidden from the documentation are left out.

mod attrs;
mod impls;
mod lines;
mod names;
mod print;
mod reach;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use impls::Impls;
use lines::{Line, Lines};
use names::Names;
use reach::Reach;

use crate::code::modules::{ModuleId, Tree};
use crate::sources;

/// The published crates: the folders of their packages, and the names by which other crates import them.
const CRATES: [(&str, &str); 5] = [
    (".", "rpc"),
    ("rpc-core", "rpc_core"),
    ("rpc-macros", "rpc_macros"),
    ("rpc-server", "rpc_server"),
    ("rpc-client", "rpc_client"),
];

/// The head of a snapshot, after the name of its crate.
const HEAD: &str = "\
// `cargo xtask api` compares this file with the code, `cargo xtask api --bless` rewrites it.
//
// - Each line has an item by the path that users know it by. What the documentation hides is left out.
// - `{ .. }` behind a struct: it has private fields. Behind a trait: only this workspace can implement it. Behind a
//   function of a trait, as `= ..`: it has a default.
// - The bounds of an `impl` stand behind `where` of each of its functions.
// - The condition of an item holds for its members. `feature = \"rpc-core/x\"` is a feature of that package.
// - Not seen: auto traits such as `Send`; what macros of other crates define, and which bounds their derives set.
";

/// Compares the snapshots with the code. With `bless`, rewrites them.
pub(crate) fn run(bless: bool) -> Result<String, String> {
    let workspace = sources::workspace();
    let mut differences = String::new();
    for (name, text) in snapshots(&workspace)? {
        let file = format!("xtask/api/{}.txt", name.replace('_', "-"));
        let path = workspace.join(&file);
        if bless {
            fs::write(&path, &text).map_err(|error| format!("{file}: {error}"))?;
            continue;
        }
        let old = match fs::read_to_string(&path) {
            Ok(text) => text.replace("\r\n", "\n"),
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(format!("{file}: {error}")),
        };
        let difference = compare(&old, &text);
        if !difference.is_empty() {
            let _ = write!(differences, "{file}:\n{difference}");
        }
    }
    match (bless, differences.is_empty()) {
        (true, _) => Ok("xtask/api has the public interface of all crates".to_owned()),
        (false, true) => Ok("the public interface of all crates is as xtask/api says".to_owned()),
        (false, false) => Err(format!(
            "The public interface is not as xtask/api says:\n{differences}\
             If it is meant to be so, run `cargo xtask api --bless`, and commit the files.",
        )),
    }
}

/// Returns the snapshot of each crate.
fn snapshots(workspace: &Path) -> Result<BTreeMap<String, String>, String> {
    let mut tree = Tree::default();
    for (package, name) in CRATES {
        let folder = sources::folder(package);
        tree.read_crate(name, &sources::read(workspace, &folder)?, &folder.join("lib.rs"))?;
    }
    tree.expand()?;
    let interfaces = interfaces(&tree);
    Ok(interfaces.into_iter().map(|(name, lines)| (name.clone(), written(&name, &lines))).collect())
}

/// Returns the public interface of each crate, by its name.
fn interfaces(tree: &Tree) -> BTreeMap<String, Lines> {
    let reaches: Vec<(&String, ModuleId, Reach)> =
        tree.crates.iter().map(|(name, root)| (name, *root, Reach::of(tree, *root))).collect();
    let names = Names::new(tree, reaches.iter().map(|(.., reach)| reach));
    reaches.iter().map(|(name, root, reach)| ((*name).clone(), interface(&names, *root, reach))).collect()
}

/// Returns the public interface of one crate.
fn interface(names: &Names<'_>, root: ModuleId, reach: &Reach) -> Lines {
    let tree = names.tree;
    let mut impls = Impls { names, reach, lines: Lines::default() };
    for (id, places) in &reach.items {
        if let Some((place, others)) = places.split_first() {
            impls.lines.item(&tree.modules[id.0].code[id.1], place, names.writer(id.0));
            impls.derives(*id, place);
            others.iter().for_each(|other| impls.lines.reexport(&place.path, other));
        }
    }
    for place in reach.modules.values().flatten() {
        impls.lines.module(place);
    }
    for (path, place) in &reach.reexports {
        impls.lines.reexport(path, place);
    }
    for (invocation, place) in &reach.unexpanded {
        impls.lines.unexpanded(invocation, place);
    }
    for (module, _) in tree.modules.iter().enumerate().filter(|(_, module)| module.root == root) {
        impls.module(module);
    }
    impls.lines
}

/// Returns the text of a snapshot.
fn written(name: &str, lines: &Lines) -> String {
    let mut text = format!("// The public interface of the crate `{name}`.\n{HEAD}");
    let lines: Vec<&Line> = lines.0.iter().collect();
    let mut was_alone = false;
    for (number, block) in lines.chunk_by(|one, next| one.owner == next.owner).enumerate() {
        // Items without members form one block.
        let is_alone = block.len() == 1;
        if number == 0 || !is_alone || !was_alone {
            text.push('\n');
        }
        block.iter().for_each(|line| text.extend([line.text.as_str(), "\n"]));
        was_alone = is_alone;
    }
    text
}

/// Lists the lines that only one of two snapshots has, in order. Lines of the old one begin with `-`, those of the new
/// one with `+`. Empty lines do not count.
fn compare(old: &str, new: &str) -> String {
    let lines = |text| str::lines(text).filter(|line| !line.is_empty()).collect::<Vec<_>>();
    let (old, new) = (lines(old), lines(new));
    // The number of lines that the remainders of both have in common.
    let mut common = vec![vec![0; new.len() + 1]; old.len() + 1];
    for (i, line) in old.iter().enumerate().rev() {
        for (j, other) in new.iter().enumerate().rev() {
            let most = common[i + 1][j].max(common[i][j + 1]);
            common[i][j] = if line == other { common[i + 1][j + 1] + 1 } else { most };
        }
    }
    let (mut i, mut j) = (0, 0);
    let mut difference = String::new();
    while i < old.len() || j < new.len() {
        if i < old.len() && j < new.len() && old[i] == new[j] {
            (i, j) = (i + 1, j + 1);
        } else if j == new.len() || i < old.len() && common[i + 1][j] >= common[i][j + 1] {
            let _ = writeln!(difference, "- {}", old[i]);
            i += 1;
        } else {
            let _ = writeln!(difference, "+ {}", new[j]);
            j += 1;
        }
    }
    difference
}
