//! [`RpcCommand`]: a run of the binary in pipes.

use std::ffi::OsStr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command};
use tokio::time::timeout;

/// How long a run may take. It is far more than any needs, so only a hang exceeds it.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Begins a run of the binary with these arguments.
pub(crate) fn rpc(args: &[&str]) -> RpcCommand {
    program(env!("CARGO_BIN_EXE_rpc"), args)
}

/// Begins a run of another program, such as a shell.
pub(crate) fn program(name: &str, args: &[&str]) -> RpcCommand {
    let mut command = Command::new(name);
    command.args(args).kill_on_drop(true);
    // The user's settings must not change what is tested.
    for variable in ["NO_COLOR", "RPC_BEARER", "RPC_CONFIG", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        command.env_remove(variable).env_remove(variable.to_lowercase());
    }
    command.env("HOME", "/nonexistent").env("XDG_CONFIG_HOME", "/nonexistent").env("XDG_CACHE_HOME", "/nonexistent");
    RpcCommand { command, input: Vec::new() }
}

/// A run of the binary in pipes.
#[derive(Debug)]
pub(crate) struct RpcCommand {
    command: Command,
    input: Vec<u8>,
}

/// How a run ended, and what it printed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) exit: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl RpcCommand {
    /// Sets a variable of the environment.
    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// Sets the standard input.
    pub(crate) fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Makes the run the leader of a session with its terminal, so that ctrl-c reaches it.
    #[cfg(unix)]
    pub(crate) fn in_session(self) -> Self {
        let run = self.command.as_std();
        let mut command = Command::new("setsid");
        command.arg("--ctty").arg(run.get_program()).args(run.get_args()).kill_on_drop(true);
        for (name, value) in run.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        Self { command, ..self }
    }

    /// Returns the command without its pipes, for tests that need others.
    pub(crate) fn into_command(self) -> Command {
        self.command
    }

    /// Starts the run, with all three pipes.
    pub(crate) fn spawn(mut self) -> Child {
        self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// Runs to the end.
    ///
    /// # Panics
    ///
    /// If the run hangs or is ended by a signal.
    pub(crate) async fn run(self) -> Ended {
        let input = self.input.clone();
        let mut child = self.spawn();
        let mut stdin = child.stdin.take().unwrap();
        let write = tokio::spawn(async move {
            // A command that reads no input may end first.
            let _ = stdin.write_all(&input).await;
        });
        let output = timeout(TEST_TIMEOUT, child.wait_with_output()).await.expect("the run ends").unwrap();
        write.await.unwrap();
        Ended {
            exit: output.status.code().expect("no signal ended the run"),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}
