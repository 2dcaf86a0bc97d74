//! The packages of the workspace, and their sources.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

/// The sources of a package, by their paths from the root of the workspace.
pub(crate) type Sources = BTreeMap<PathBuf, String>;

/// Returns the root of the workspace.
pub(crate) fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Lists the folders of the workspace's packages.
pub(crate) fn packages(workspace: &Path) -> Result<Vec<String>, String> {
    let manifest = fs::read_to_string(workspace.join("Cargo.toml")).map_err(|error| format!("Cargo.toml: {error}"))?;
    let members = manifest.split_once("\nmembers = [").and_then(|(_, rest)| rest.split_once(']'));
    let (members, _) = members.ok_or("Cargo.toml lists no members")?;
    Ok(members.split('"').skip(1).step_by(2).map(str::to_owned).collect())
}

/// Lists all files that are committed or could be: those that git does not ignore.
pub(crate) fn files(workspace: &Path) -> Result<String, String> {
    let mut git = Command::new("git");
    git.current_dir(workspace).args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    let output = git.output().map_err(|error| format!("git: {error}"))?;
    if !output.status.success() {
        return Err(format!("git ls-files: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    String::from_utf8(output.stdout).map_err(|error| error.to_string())
}

/// Returns the folder of a package's sources.
pub(crate) fn folder(package: &str) -> PathBuf {
    if package == "." { PathBuf::from("src") } else { Path::new(package).join("src") }
}

/// Reads all sources below a folder. Returns none if the folder does not exist, as in a package of examples.
pub(crate) fn read(workspace: &Path, folder: &Path) -> Result<Sources, String> {
    let mut sources = Sources::new();
    if !workspace.join(folder).is_dir() {
        return Ok(sources);
    }
    collect(workspace, folder, &mut sources).map_err(|error| format!("{}: {error}", folder.display()))?;
    Ok(sources)
}

fn collect(workspace: &Path, folder: &Path, sources: &mut Sources) -> io::Result<()> {
    for entry in fs::read_dir(workspace.join(folder))? {
        let entry = entry?;
        let path = folder.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            collect(workspace, &path, sources)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            sources.insert(path, fs::read_to_string(entry.path())?);
        }
    }
    Ok(())
}
