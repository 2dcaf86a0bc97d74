//! The standard output holds nothing but results, and a reader that goes away ends a command quietly. Shown with all
//! commands of the tour docs/cli.md.

use std::fs::OpenOptions;
use std::io::pipe;
use std::process::Stdio;
use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use crate::binary::{Ended, RpcCommand, rpc};
use crate::tour::{Page, Step, Visit};

/// How long a command may take. It is far more than any needs, so only a hang exceeds it.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn standard_output_holds_only_results() {
    let mut visit = Visit::begin().await;
    let mut faults = Vec::new();
    for step in Page::read().steps() {
        let Some(command) = visit.command(&step) else { continue };
        let ended = command.run().await;
        visit.remember(&step, ended.exit, &format!("{}{}", ended.stdout, ended.stderr));
        if step.command.starts_with("rpc ") {
            let fault = fault_of_errors(&step, &ended).or_else(|| fault_of_results(&step, &ended));
            faults.extend(fault.map(|fault| format!("$ {}\n{fault}: {ended:?}", step.command)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// Says what is wrong with a command's standard error: it is empty on success, and otherwise begins with one error.
fn fault_of_errors(step: &Step, ended: &Ended) -> Option<&'static str> {
    let shows_wire = step.command.contains("--dump");
    let tells_each_failure_as_result = ["rpc batch", "rpc diff", "rpc bench"];
    let is_error = ended.stderr.starts_with("error: ") || ended.stderr.starts_with("{\"");
    match ended.exit {
        0 => (!ended.stderr.is_empty() && !shows_wire).then_some("standard error is not empty"),
        _ if tells_each_failure_as_result.iter().any(|command| step.command.starts_with(command)) => None,
        _ if !ended.stdout.is_empty() => Some("a failed command has printed a result"),
        _ => (!is_error).then_some("standard error does not begin with an error"),
    }
}

/// Says what is wrong with a command's standard output.
fn fault_of_results(step: &Step, ended: &Ended) -> Option<&'static str> {
    let lines = || ended.stdout.lines();
    let is_json = |line: &str| serde_json::from_str::<Value>(line).is_ok();
    let is_fine = match step.command.split(' ').nth(1) {
        _ if step.command.contains("--json") => lines().all(is_json),
        Some("call") if step.command.contains("--curl") => ended.stdout.starts_with("curl "),
        Some("call" | "batch" | "health") => lines().all(is_json),
        Some("list") => lines().all(|line| !line.is_empty() && !line.contains(char::is_whitespace)),
        Some("diff") => lines().all(|line| ["wire", "source", "behaviour"].iter().any(|level| line.starts_with(level))),
        _ => !ended.stdout.contains('\u{1b}'),
    };
    (!is_fine).then_some("standard output is no result")
}

/// Runs a command with this standard output. Returns its exit code and its standard error.
async fn run_into(stdout: impl Into<Stdio>, command: RpcCommand) -> (i32, String) {
    let mut command = command.into_command();
    let child = command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped()).spawn().unwrap();
    let output = timeout(TEST_TIMEOUT, child.wait_with_output()).await.expect("the command ends").unwrap();
    (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_whose_reader_has_gone_ends_quietly() {
    let mut visit = Visit::begin().await;
    let mut faults = Vec::new();
    for step in Page::read().steps() {
        let Some(command) = visit.command(&step) else { continue };
        if !step.command.starts_with("rpc ") {
            let ended = command.run().await;
            visit.remember(&step, ended.exit, &ended.stdout);
            continue;
        }
        let (reader, writer) = pipe().unwrap();
        drop(reader);
        let (exit, errors) = run_into(writer, command).await;
        visit.remember(&step, exit, &errors);
        // Each result that a command of the page prints meets the closed pipe. `diff` prints nothing on success.
        let prints =
            step.exit == Some(0) && !step.command.contains(['>', '|']) && !step.command.starts_with("rpc diff");
        let is_as_shown = exit == 141 || !prints && step.exit.is_none_or(|shown| exit == shown);
        let is_quiet = errors.is_empty() || step.command.contains("--dump") || ![0, 141].contains(&exit);
        if !is_as_shown || !is_quiet || errors.contains("panicked") || errors.contains("roken pipe") {
            faults.push(format!("$ {}\nexit {exit}: {errors}", step.command));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n\n"));
}

/// Unlike a reader that has gone, a full disk is an error.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn results_that_cannot_be_written_are_an_error() {
    let server = rpc::Server::builder().method("answer", || async { 42 }).build();
    let url = format!("http://{}", support::serve(&server).await);
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let (exit, errors) = run_into(full, rpc(&["call", &url, "answer"])).await;
    assert!(errors.starts_with("error: the output cannot be written"), "{errors}");
    assert_eq!(exit, 8);
}
