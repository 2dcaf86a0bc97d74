use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::peers::Peer;

/// A crate on disk, in its own workspace.
pub(crate) struct Project {
    peer: Peer,
    folder: PathBuf,
    target: PathBuf,
}

impl Project {
    /// Writes the project. It starts from the repository's lock file, so that all peers have the same dependencies.
    pub(crate) fn create(peer: Peer, repository: &Path, target: &Path) -> io::Result<Self> {
        let folder = target.join(peer.name);
        let project = Self { peer, target: folder.join("target"), folder };
        fs::create_dir_all(project.folder.join("src"))?;
        fs::write(project.folder.join("Cargo.toml"), project.manifest(repository))?;
        fs::copy(repository.join("Cargo.lock"), project.folder.join("Cargo.lock"))?;
        for (file, text) in (project.peer.files)() {
            fs::write(project.folder.join("src").join(file), text)?;
        }
        project.edit(0)?;
        Ok(project)
    }

    pub(crate) fn name(&self) -> &'static str {
        self.peer.name
    }

    fn manifest(&self, repository: &Path) -> String {
        let name = self.package();
        let dependencies = self.peer.dependencies.replace("REPOSITORY", &repository.display().to_string());
        format!(
            "[package]\nname = \"{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [dependencies]\n{dependencies}\
             serde = {{ version = \"1\", features = [\"derive\"] }}\n\
             tokio = {{ version = \"1\", features = [\"full\"] }}\n"
        )
    }

    fn package(&self) -> String {
        format!("compile-{}", self.peer.name)
    }

    /// Builds everything once, for both profiles that are timed.
    pub(crate) fn build_dependencies(&self) -> io::Result<()> {
        self.cargo(&["check"])?;
        self.cargo(&["build"])?;
        Ok(())
    }

    /// Changes the body of one handler, and times how long cargo takes to check the crate again.
    pub(crate) fn check_after_edit(&self, round: usize) -> io::Result<Duration> {
        self.edit(round + 1)?;
        self.cargo(&["check", "--offline"])
    }

    /// Times the build of the crate alone, without output of an earlier build of it.
    pub(crate) fn build_alone(&self) -> io::Result<Duration> {
        self.cargo(&["clean", "--offline", "--package", &self.package()])?;
        let time = self.cargo(&["build", "--offline"])?;
        // `clean` also removed the output of `check`, which the next edit needs.
        self.cargo(&["check", "--offline"])?;
        Ok(time)
    }

    fn edit(&self, revision: usize) -> io::Result<()> {
        fs::write(self.folder.join("src/service.rs"), (self.peer.service)(revision))
    }

    fn cargo(&self, args: &[&str]) -> io::Result<Duration> {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let mut command = Command::new(cargo);
        command.args(args).arg("--quiet").current_dir(&self.folder).env("CARGO_TARGET_DIR", &self.target);
        // Settings of the caller's own build must not change what is measured.
        command.env_remove("RUSTFLAGS").env_remove("CARGO_INCREMENTAL").env_remove("RUSTC_WRAPPER");
        let start = Instant::now();
        let output = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).output()?;
        let time = start.elapsed();
        if output.status.success() {
            return Ok(time);
        }
        let text = String::from_utf8_lossy(&output.stderr);
        Err(io::Error::other(format!("cargo {} failed for {}:\n{text}", args.join(" "), self.peer.name)))
    }
}
