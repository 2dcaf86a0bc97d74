//! The messages of the macros and the library for users' mistakes (`ui/fail`), and unusual programs that must compile
//! and run (`ui/pass`).
//!
//! After a change of messages: `cargo xtask bless`, then read the diff.

use std::io::Write;
use std::process::Command;

/// The compiler that printed `ui/fail/**/*.stderr`. Other versions print other texts.
const BLESSED_WITH: &str = "1.95";

#[test]
fn good_programs_compile_and_run() {
    trybuild::TestCases::new().pass("ui/pass/*.rs");
}

#[test]
fn mistakes_are_told_as_the_user_should_read_them() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().expect("rustc runs");
    let version = String::from_utf8(version.stdout).expect("rustc writes UTF-8");
    if !version.starts_with(&format!("rustc {BLESSED_WITH}.")) || version.contains("nightly") {
        // Written directly to standard error, because the test harness hides what passing tests print.
        let skipped =
            format!("SKIPPED: the messages in tests/ui/fail are of rustc {BLESSED_WITH}, and this is {version}");
        std::io::stderr().write_all(skipped.as_bytes()).expect("standard error is open");
        return;
    }
    trybuild::TestCases::new().compile_fail("ui/fail/*/*.rs");
}
