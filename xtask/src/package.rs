//! Packs the packages that users get, as a release does, and checks the result: each package contains the required
//! files, and all of them compile from these files alone.
//!
//! Cargo's own verification cannot do this. It rejects packages with `publish = false`. It also keeps the sources of a
//! version that it unpacked once, so a second run would compile the sources of the first.

use std::env;
use std::fmt::Write;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;

use crate::sources::workspace;

/// The packages that users get. Each comes after its dependencies.
const PACKAGES: [&str; 6] = ["rpc-core", "rpc-macros", "rpc-client", "rpc-server", "rpc", "rpc-cli"];

/// The version of all packages.
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The files that each package must contain.
const FILES: [&str; 3] = ["LICENSE-APACHE", "LICENSE-MIT", "README.md"];

/// The roots of crates, of which each package must contain one.
const ROOTS: [&str; 2] = ["src/lib.rs", "src/main.rs"];

/// The keys that each manifest must have.
const KEYS: [&str; 7] = ["categories", "description", "include", "keywords", "license", "readme", "rust-version"];

/// Packs and compiles the packages that users get.
///
/// # Errors
///
/// If something is wrong with the packages, with a description. Cargo refuses to pack files that are not committed.
pub(crate) fn run() -> Result<(), String> {
    let target = workspace().join("target");
    let unpacked = target.join("unpacked");
    remove(&target.join("package"))?;
    remove(&unpacked)?;
    fs::create_dir_all(&unpacked).map_err(|error| at(&unpacked, &error))?;

    pack(&target)?;
    for package in PACKAGES {
        unpack(&target.join(format!("package/{package}-{VERSION}.crate")), &unpacked)?;
        let folder = unpacked.join(format!("{package}-{VERSION}"));
        let manifest = read(&folder.join("Cargo.toml"))?;
        let lacks = lacks(&manifest, |file| folder.join(file).is_file());
        if !lacks.is_empty() {
            return Err(format!("the package {package} lacks {}", lacks.join(", ")));
        }
    }
    compile(&target, &unpacked)
}

/// Runs cargo to pack all packages. A lock file would need packages that are already in the registry.
fn pack(target: &Path) -> Result<(), String> {
    let mut cargo = cargo();
    cargo.current_dir(workspace()).args(["package", "--quiet", "--no-verify", "--exclude-lockfile", "--target-dir"]);
    cargo.arg(target).args(PACKAGES.iter().flat_map(|package| ["--package", package]));
    succeeds(cargo)
}

/// Unpacks a package into a folder. The files get the present time. Cargo packs all files with one fixed time, by which
/// it would mistake a changed file for the one that it compiled before.
fn unpack(package: &Path, into: &Path) -> Result<(), String> {
    let mut tar = Command::new("tar");
    tar.args(["-x", "-z", "-m", "-f"]).arg(package).arg("-C").arg(into);
    succeeds(tar)
}

/// Compiles the unpacked packages with all features, with each other and with the dependencies of the workspace.
fn compile(target: &Path, unpacked: &Path) -> Result<(), String> {
    let manifest = unpacked.join("Cargo.toml");
    fs::write(&manifest, workspace_of_packages()).map_err(|error| at(&manifest, &error))?;
    let lock = workspace().join("Cargo.lock");
    fs::copy(&lock, unpacked.join("Cargo.lock")).map_err(|error| at(&lock, &error))?;
    let mut cargo = cargo();
    cargo.current_dir(unpacked).args(["check", "--quiet", "--workspace", "--all-features", "--target-dir"]).arg(target);
    succeeds(cargo)
}

/// Returns the manifest of a workspace in which the packages use each other instead of those of the registry.
fn workspace_of_packages() -> String {
    let mut manifest = "[workspace]\nmembers = [\"*\"]\nresolver = \"3\"\n\n[patch.crates-io]\n".to_owned();
    for package in PACKAGES {
        writeln!(manifest, "{package} = {{ path = \"{package}-{VERSION}\" }}").expect("a `String` takes all text");
    }
    manifest
}

/// Lists the required files and keys that a package lacks.
fn lacks(manifest: &str, has_file: impl Fn(&str) -> bool) -> Vec<&'static str> {
    let has_key =
        |key: &str| manifest.lines().any(|line| line.split('=').next().is_some_and(|name| name.trim() == key));
    let files = FILES.into_iter().filter(|file| !has_file(file));
    let root = if ROOTS.into_iter().any(&has_file) { None } else { Some(ROOTS[0]) };
    files.chain(root).chain(KEYS.into_iter().filter(|key| !has_key(key))).collect()
}

fn cargo() -> Command {
    Command::new(env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned()))
}

fn succeeds(mut command: Command) -> Result<(), String> {
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{command:?}: {status}")),
        Err(error) => Err(format!("{command:?}: {error}")),
    }
}

fn read(file: &Path) -> Result<String, String> {
    fs::read_to_string(file).map_err(|error| at(file, &error))
}

/// Removes a folder, if it exists.
fn remove(folder: &Path) -> Result<(), String> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(at(folder, &error)),
        _ => Ok(()),
    }
}

fn at(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}

#[cfg(test)]
mod tests {
    use super::lacks;

    #[test]
    fn a_package_without_licence_or_keywords_is_found() {
        let manifest = "[package]\nrust-version = \"1.89\"\ninclude = [\n    \"/src\",\n]\ndescription = \"keywords\"\n\
                        readme = \"README.md\"\ncategories = [\"encoding\"]\nlicense = \"MIT\"\n";
        assert_eq!(lacks(manifest, |file| file != "LICENSE-MIT"), ["LICENSE-MIT", "keywords"]);
        let complete = format!("{manifest}keywords = []\n");
        assert_eq!(lacks(&complete, |_| true), [""; 0]);
        assert_eq!(lacks(&complete, |file| file != "src/lib.rs"), [""; 0]);
        assert_eq!(lacks(&complete, |file| !file.starts_with("src")), ["src/lib.rs"]);
    }
}
