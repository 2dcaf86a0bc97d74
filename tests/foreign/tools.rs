//! Finds the programs that others wrote. If they are missing, tests are skipped with a message. With `CI` set, they
//! fail.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::process::Command;

/// How long a program may take. It is far more than any needs, so only a hang exceeds it.
pub(crate) const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// The languages of the scripts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Language {
    Python,
    JavaScript,
}

impl Language {
    /// Begins a command that runs one of our scripts. Returns `None`, with a message, if the language or its packages
    /// are not installed.
    ///
    /// # Panics
    ///
    /// If they are not installed and the environment has `CI`, where no test may be skipped.
    pub(crate) fn script(self, name: &str) -> Option<Command> {
        let installed = installed();
        let (program, proof, directory) = match self {
            Self::Python => (installed.join("venv/bin/python"), "python.txt", "python"),
            Self::JavaScript => ("node".into(), "javascript.json", "javascript"),
        };
        // Only a finished installation has this file.
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

/// Returns the directory where `tests/foreign/install` puts the packages: in the build directory.
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
    // The user's configuration must not change what is sent, nor a proxy where it goes.
    command.args(["--disable", "--silent", "--show-error", "--noproxy", "*"]).kill_on_drop(true);
    Some(command)
}

fn skip<T>(needed: &str) -> Option<T> {
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("a test");
    assert!(env::var_os("CI").is_none(), "{test} needs {needed}");
    // Written directly to standard error, because the output of passing tests is not shown.
    let skipped = format!("\n*** SKIPPED: {test}. It needs {needed}.\n");
    std::io::stderr().write_all(skipped.as_bytes()).unwrap();
    None
}
