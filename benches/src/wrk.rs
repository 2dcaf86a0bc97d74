//! Load from wrk: <https://github.com/wg/wrk>.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::Result;
use crate::process::{LOAD_CORE, pinned, require};

/// What wrk counted.
#[derive(Debug, PartialEq)]
pub(crate) struct WrkCount {
    pub(crate) requests: u64,
    pub(crate) elapsed: Duration,
}

/// Runs wrk with its scripts.
pub(crate) struct Wrk {
    directory: PathBuf,
}

impl Wrk {
    pub(crate) fn new() -> Result<Self> {
        require("wrk", "wrk")?;
        require("taskset", "util-linux")?;
        let directory = std::env::temp_dir().join(format!("rpc-benches-wrk-{}", std::process::id()));
        fs::create_dir_all(&directory)?;
        Ok(Self { directory })
    }

    /// Posts the body repeatedly on 16 connections, from one thread on a core of its own.
    pub(crate) fn run(&self, url: &str, body: &str, duration: Duration) -> Result<WrkCount> {
        let script = self.directory.join("post.lua");
        fs::write(&script, script_of(body))?;
        let mut wrk = Command::new("wrk");
        // wrk accepts whole seconds only.
        wrk.args(["-t1", "-c16", &format!("-d{}s", duration.as_secs().max(1)), "-s"]).arg(&script).arg(url);
        let output = pinned(LOAD_CORE, &wrk).output()?;
        parse(&String::from_utf8_lossy(&output.stdout))
            .ok_or_else(|| format!("wrk failed: {}", String::from_utf8_lossy(&output.stderr)).into())
    }
}

impl Drop for Wrk {
    fn drop(&mut self) {
        // A directory left among the temporary files does no harm.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// A long bracket of Lua can hold any text except its own closing bracket.
fn script_of(body: &str) -> String {
    format!(
        r#"wrk.method = "POST"
wrk.headers["Content-Type"] = "application/json"
wrk.body = [==[{body}]==]
function done(summary, latency, requests)
    local e = summary.errors
    local failed = e.connect + e.read + e.write + e.status + e.timeout
    io.write(string.format("counted %d %d %d\n", summary.requests, summary.duration, failed))
end
"#
    )
}

/// Parses the line that the script writes: requests, microseconds, failures. A failure makes the count invalid.
fn parse(output: &str) -> Option<WrkCount> {
    let line = output.lines().find_map(|line| line.strip_prefix("counted "))?;
    let mut numbers = line.split(' ').map_while(|number| number.parse().ok());
    let (requests, micros, failed) = (numbers.next()?, numbers.next()?, numbers.next()?);
    (failed == 0 && requests > 0).then_some(WrkCount { requests, elapsed: Duration::from_micros(micros) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn count_with_failures_is_refused() {
        let counted = WrkCount { requests: 120, elapsed: Duration::from_micros(1000) };
        assert_eq!(parse("Running\ncounted 120 1000 0\n"), Some(counted));
        assert_eq!(parse("counted 120 1000 1\n"), None);
        assert_eq!(parse("unable to connect\n"), None);
    }
}
