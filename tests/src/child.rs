//! This test binary again: one of its tests in a process of its own.

use std::env;
use std::fmt::Display;
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::process::{ChildStdin, Command};
use tokio::sync::mpsc;

/// Begins a command that runs one test. The test is ignored, so that it does not run by itself. `module` is its
/// `module_path!()`.
///
/// The test must detect by its environment that another test has started it, because runs of all ignored tests also
/// start it.
pub fn command(module: &str, test: &str) -> Command {
    let (_binary, module) = module.split_once("::").expect("the test is in a module of its binary");
    let mut command = Command::new(env::current_exe().unwrap());
    command.args(["--exact", &format!("{module}::{test}"), "--ignored", "--nocapture"]).kill_on_drop(true);
    command
}

/// Runs the test to its end.
///
/// # Panics
///
/// If the test does not pass. The message is its output.
pub async fn run(mut command: Command) {
    let output = command.output().await.unwrap();
    let [printed, errors] = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
    // If the test was renamed, the run would succeed without any test.
    assert!(output.status.success() && printed.contains("1 passed"), "{printed}{errors}");
}

/// Prints a line in the child, for [`Child::line`].
pub fn say(line: impl Display) {
    // The test harness has already printed the start of a line.
    println!("\n{line}");
}

/// A test in a process of its own. The process ends when this is dropped.
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
        // A full pipe would stop the child. So all output is read, wanted or not.
        tokio::spawn(async move {
            while let Ok(Some(line)) = printed.next_line().await {
                drop(sender.send(line));
            }
        });
        Self { process, stdin, lines }
    }

    /// Returns the id of the process.
    ///
    /// # Panics
    ///
    /// If the process has already been waited for.
    pub fn id(&self) -> u32 {
        self.process.id().unwrap()
    }

    /// Reads to the next line with this start. Returns the rest of that line.
    pub async fn line(&mut self, start: &str) -> String {
        while let Some(line) = self.lines.recv().await {
            if let Some(rest) = line.strip_prefix(start) {
                return rest.trim().to_owned();
            }
        }
        panic!("the child ended before it said {start:?}");
    }

    /// Reads to this line. Returns the lines before it.
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

    /// Closes the child's input.
    pub fn close_input(&mut self) {
        self.stdin = None;
    }

    /// Sends the signal with this name.
    #[cfg(unix)]
    pub async fn signal(&self, signal: &str) {
        let id = self.id().to_string();
        let status = Command::new("sh").args(["-c", r#"kill -s "$0" "$1""#, signal, &id]).status().await.unwrap();
        assert!(status.success());
    }

    /// Kills the child at once.
    pub async fn kill(&mut self) {
        self.process.kill().await.unwrap();
    }

    /// Waits until the child ends by itself.
    pub async fn ended(&mut self) -> ExitStatus {
        self.process.wait().await.unwrap()
    }
}
