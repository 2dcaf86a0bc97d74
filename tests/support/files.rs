//! How many files this process and its children may open, connections included.

use std::env;
use std::fs;
use std::io::Write;
use std::process::Command;

/// Returns how many files we may open, and how many we may ask for.
fn limits() -> [u64; 2] {
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let files = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap();
    let mut limits = files.split_whitespace().map(|limit| limit.parse().unwrap_or(u64::MAX));
    [limits.next().unwrap(), limits.next().unwrap()]
}

/// Sees to it that so many files may be open, in our children too. Where that cannot be, the test is skipped loudly, and
/// fails with `CI` set.
pub(crate) fn may_open(files: u64) -> bool {
    let [soft, hard] = limits();
    if soft < files {
        let limits = format!("--nofile={files}:{}", hard.max(files));
        let _ = Command::new("prlimit").args(["--pid", &std::process::id().to_string(), &limits]).status();
    }
    let may = self::limits()[0] >= files;
    if !may {
        let needed = format!("this test needs {files} open files, and the limit is {soft}");
        assert!(env::var_os("CI").is_none(), "{needed}");
        // Directly to the standard error, as the output of tests that pass is not shown.
        std::io::stderr().write_all(format!("\n*** SKIPPED: {needed} (ulimit -n).\n").as_bytes()).unwrap();
    }
    may
}
