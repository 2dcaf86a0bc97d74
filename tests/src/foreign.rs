//! Finds and starts the programs of other makers. If they are missing, tests are skipped with a message. With `CI` set,
//! they fail.

use std::env;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long a program may take. It is far more than any needs, so only a hang exceeds it.
pub const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// The languages of the scripts.
#[derive(Clone, Copy, Debug)]
pub enum Language {
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
    pub fn script(self, name: &str) -> Option<Command> {
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

/// A server of another maker that serves the shelf. It ends when this is dropped.
#[derive(Debug)]
pub struct ForeignServer {
    /// The file name of its script.
    pub script: &'static str,
    /// Its address.
    pub url: String,
    _child: Child,
}

impl ForeignServer {
    /// The servers that `tests/foreign` has.
    pub const ALL: [(Language, &'static str); 4] = [
        (Language::Python, "server_json_rpc.py"),
        (Language::Python, "server_pjrpc.py"),
        (Language::JavaScript, "server_jayson.mjs"),
        (Language::JavaScript, "server_json_rpc_2_0.mjs"),
    ];

    /// Starts a server. Returns `None` as [`Language::script`] does.
    ///
    /// # Panics
    ///
    /// If the server does not start, or as [`Language::script`] does.
    pub async fn start((language, script): (Language, &'static str)) -> Option<Self> {
        let mut command = language.script(script)?;
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        timeout(TEST_TIMEOUT, output.read_line(&mut said)).await.expect("the server starts").unwrap();
        let port = said.trim().strip_prefix("listening ").unwrap_or_else(|| panic!("{script} said {said:?}"));
        Some(Self { script, url: format!("http://127.0.0.1:{port}"), _child: child })
    }
}

/// Returns the directory where `tests/foreign/install` puts the packages: in the build directory.
fn installed() -> PathBuf {
    env::var_os("RPC_FOREIGN").map_or_else(in_build_directory, PathBuf::from)
}

/// Returns the directory `foreign` of the build directory, in which the running test is.
fn in_build_directory() -> PathBuf {
    let test = env::current_exe().unwrap();
    let installed = test.ancestors().map(|folder| folder.join("foreign")).find(|folder| folder.is_dir());
    installed.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/foreign"))
}

/// Begins a command of curl, or returns `None` as [`Language::script`] does.
pub fn curl() -> Option<Command> {
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
