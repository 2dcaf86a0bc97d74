//! Finds the programs of others. Where they are not, tests are skipped loudly, and fail with `CI` set.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

/// How long a program may take for its work: far beyond what it should, so that only a hang gets there.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What runs the scripts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Language {
    Python,
    JavaScript,
}

impl Language {
    /// Begins a command that runs one of our scripts, or returns `None` and says so where the language or its packages
    /// are not installed.
    ///
    /// # Panics
    ///
    /// If they are not and the environment has `CI`, where nothing may be skipped.
    pub(crate) fn script(self, name: &str) -> Option<Command> {
        let installed = installed();
        let (program, proof, directory) = match self {
            Self::Python => (installed.join("venv/bin/python"), "python.txt", "python"),
            Self::JavaScript => ("node".into(), "javascript.json", "javascript"),
        };
        // Only an installation that was done has its proof.
        if !installed.join(proof).is_file() {
            return skip(&format!("{self:?} and its packages (run tests/foreign/install)"));
        }
        let mut command = Command::new(program);
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("foreign").join(directory).join(name));
        command.env("RPC_FOREIGN", installed).env("PYTHONDONTWRITEBYTECODE", "1");
        for variable in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
            command.env_remove(variable).env_remove(variable.to_lowercase());
        }
        command.kill_on_drop(true);
        Some(command)
    }
}

/// Returns where `tests/foreign/install` has put the packages: beside what is built.
fn installed() -> PathBuf {
    let beside = || Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name("foreign");
    env::var_os("RPC_FOREIGN").map_or_else(beside, PathBuf::from)
}

/// Begins a command of curl, or returns `None` as [`Language::script`] does.
pub(crate) fn curl() -> Option<Command> {
    let found = std::process::Command::new("curl").arg("--version").output().is_ok();
    if !found {
        return skip("curl (on Debian: apt-get install curl)");
    }
    let mut command = Command::new("curl");
    // No file of the user's must change what is sent, nor a proxy where it goes.
    command.args(["--disable", "--silent", "--show-error", "--noproxy", "*"]).kill_on_drop(true);
    Some(command)
}

fn skip<T>(needed: &str) -> Option<T> {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    assert!(env::var_os("CI").is_none(), "{test} needs {needed}");
    // Directly to the standard error, as the output of tests that pass is not shown.
    let skipped = format!("\n*** SKIPPED: {test}. It needs {needed}.\n");
    std::io::stderr().write_all(skipped.as_bytes()).unwrap();
    None
}
