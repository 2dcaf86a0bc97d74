//! This test binary once more: one of its tests in a process of its own.

use std::env;
use std::fmt::Display;
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, Command};
use tokio::sync::mpsc;

/// Begins a command that runs one test, which is ignored so that nobody else does. `module` is its `module_path!()`.
///
/// The test must tell by its environment that a test has started it, as runs of all ignored tests start it, too.
pub fn command(module: &str, test: &str) -> Command {
    let (_binary, module) = module.split_once("::").expect("the test is in a module of its binary");
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", &format!("{module}::{test}"), "--ignored", "--nocapture"]).kill_on_drop(true);
    command
}

/// Runs the test to its end. Fails with what it printed where it does not pass.
pub async fn run(mut command: Command) {
    let output = command.output().await.unwrap();
    let [printed, errors] = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
    // A test that was renamed would pass as none.
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}{errors}");
}

/// Prints a line in the child for [`Child::line`].
pub fn say(line: impl Display) {
    // The test harness has begun a line of its own.
    println!("\n{line}");
}

/// A test that runs in a process of its own, which ends when this is dropped.
#[derive(Debug)]
pub struct Child {
    process: tokio::process::Child,
    stdin: Option<ChildStdin>,
    lines: mpsc::UnboundedReceiver<String>,
}

impl Child {
    pub fn spawn(mut command: Command) -> Self {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true).spawn().unwrap();
        let stdin = process.stdin.take();
        let mut printed = BufReader::new(process.stdout.take().unwrap()).lines();
        let (sender, lines) = mpsc::unbounded_channel();
        // The child would stop at a full pipe. So all is read, wanted or not.
        tokio::spawn(async move {
            while let Ok(Some(line)) = printed.next_line().await {
                drop(sender.send(line));
            }
        });
        Self { process, stdin, lines }
    }

    /// Returns the id of the process, which has not been waited for.
    pub fn id(&self) -> u32 {
        self.process.id().unwrap()
    }

    /// Reads on to the line that begins so, and returns the rest of it.
    pub async fn line(&mut self, start: &str) -> String {
        while let Some(line) = self.lines.recv().await {
            if let Some(rest) = line.strip_prefix(start) {
                return rest.trim().to_owned();
            }
        }
        panic!("the child ended before it said {start:?}");
    }

    /// Reads on to this line, and returns those before it.
    pub async fn lines_before(&mut self, last: &str) -> Vec<String> {
        let mut lines = Vec::new();
        while let Some(line) = self.lines.recv().await {
            if line == last {
                return lines;
            }
            lines.push(line);
        }
        panic!("the child ended before it said {last:?}");
    }

    /// Writes to the child's input.
    pub async fn tell(&mut self, bytes: &[u8]) {
        self.stdin.as_mut().unwrap().write_all(bytes).await.unwrap();
    }

    /// Ends the child's input.
    pub fn close_input(&mut self) {
        self.stdin = None;
    }

    /// Sends a signal by its name.
    #[cfg(unix)]
    pub async fn signal(&self, signal: &str) {
        let id = self.id().to_string();
        let status = Command::new("sh").args(["-c", r#"kill -s "$0" "$1""#, signal, &id]).status().await.unwrap();
        assert!(status.success());
    }

    /// Kills the child where it stands.
    pub async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Waits until the child has ended by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        self.process.wait().await.unwrap()
    }
}
