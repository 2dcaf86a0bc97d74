//! The live line.
#![cfg(unix)]

use super::Counted;
use crate::binary::{Terminal, rpc};

/// Moves to the start of the line, and clears it.
const CLEAR: &str = "\r\u{1b}[K";

#[tokio::test]
async fn a_terminal_shows_a_live_line_and_erases_it() {
    let server = Counted::start().await;
    let run = rpc(&["bench", &server.url, "take", "--readonly", "--rate", "50", "--for", "2500ms"]);
    let (exit, shown) = Terminal::start(run).ended().await;
    assert_eq!(exit, 0, "{shown}");
    let (live, report) = shown.rsplit_once(CLEAR).unwrap();
    let lines: Vec<_> = live.split(CLEAR).filter(|line| !line.is_empty()).collect();
    assert!(lines.len() >= 2, "{lines:?}");
    for line in lines {
        assert!(
            line.contains(" calls/s  ") && line.contains(" in flight  p50 ") && line.ends_with("  0 failed"),
            "{line}"
        );
        assert!(line.len() < 80 && !line.contains('\n'), "{line}");
    }
    assert!(report.starts_with("take at 127.0.0.1:"), "{report}");
}

#[tokio::test]
async fn a_hanging_server_shows_in_the_live_line() {
    let server = Counted::start().await;
    let run = rpc(&["bench", &server.url, "hang", "--readonly", "-c", "3", "--requests", "3", "--deadline", "3s"]);
    let mut terminal = Terminal::start(run);
    terminal.until_shown("0 calls/s  3 in flight  p50 -  p99 -  0 failed").await;
    let (exit, shown) = terminal.ended().await;
    assert_eq!(exit, 5, "{shown}");
}
