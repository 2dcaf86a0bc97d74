//! The files and folders that are allowed at the root of the repository. Notes, logs and other leftovers are not
//! committed.

use std::collections::BTreeSet;
use std::process::ExitCode;

use crate::sources::{self, workspace};

/// All files and folders that are allowed there, in addition to the packages' folders.
const ALLOWED: [&str; 20] = [
    ".cargo",
    ".ci",
    ".gitignore",
    "ARCHITECTURE.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE-APACHE",
    "LICENSE-MIT",
    "README.md",
    "SECURITY.md",
    "clippy.toml",
    "deny.toml",
    "docs",
    "examples",
    "fuzz",
    "rust-toolchain.toml",
    "rustfmt.toml",
    "src",
];

/// Fails and names what is at the root but not allowed there.
pub(crate) fn run() -> ExitCode {
    let packages = match sources::packages(&workspace()) {
        Ok(packages) => packages,
        Err(error) => return fail(&error),
    };
    match sources::files(&workspace()) {
        Ok(files) => match &strays(&files, &packages)[..] {
            [] => ExitCode::SUCCESS,
            strays => fail(&format!(
                "stray at the root: {} (delete it, have git ignore it, or list it in xtask/src/root.rs)",
                strays.join(", ")
            )),
        },
        Err(error) => fail(&error),
    }
}

fn fail(error: &str) -> ExitCode {
    eprintln!("{error}");
    ExitCode::FAILURE
}

/// Returns each file and folder that is at the root but not allowed there, once.
fn strays<'f>(files: &'f str, packages: &[String]) -> Vec<&'f str> {
    let may_stand = |name: &str| {
        let is_of_package = |package: &String| package.split('/').next() == Some(name);
        ALLOWED.contains(&name) || packages.iter().any(is_of_package)
    };
    let at_root: BTreeSet<_> = files.lines().filter_map(|file| file.split('/').next()).collect();
    at_root.into_iter().filter(|name| !may_stand(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::{ALLOWED, strays};

    #[test]
    fn files_and_folders_that_are_not_listed_are_strays() {
        let packages = ["rpc-core".to_owned(), "tests".to_owned(), "tests/hygiene".to_owned()];
        let files =
            "NOTES.md\nREADME.md\ncore.1234\nrpc-core/src/lib.rs\nscratch/a.rs\nscratch/b.rs\ntests/Cargo.toml\n";
        assert_eq!(strays(files, &packages), ["NOTES.md", "core.1234", "scratch"]);
        assert_eq!(strays(&ALLOWED.join("\n"), &[]), [""; 0]);
        assert_eq!(strays("", &packages), [""; 0]);
    }

    #[test]
    fn a_listed_name_below_a_folder_of_another_name_excuses_nothing() {
        assert_eq!(strays("scratch/README.md\n", &[]), ["scratch"]);
    }
}
