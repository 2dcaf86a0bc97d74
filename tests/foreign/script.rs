//! Runs the script of a client.

use std::process::Stdio;

use support::foreign::{Language, TEST_TIMEOUT};
use tokio::io::AsyncWriteExt;
use tokio::time::timeout;

/// Lets the client of a script take steps at a server, and returns what it prints. Returns `None` if the client is not
/// installed.
pub(crate) async fn run_script((language, script): (Language, &str), url: &str, steps: &str) -> Option<String> {
    let mut command = language.script(script)?;
    command.arg(url).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(steps.as_bytes()).await.unwrap();
    let output = timeout(TEST_TIMEOUT, child.wait_with_output()).await.expect("the client does not hang").unwrap();
    assert!(output.status.success(), "{script}: {}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}
