//! The steps of `cargo xtask ci` and `cargo xtask bless`, each a run of cargo.

use std::env;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

/// A command, with what is set in its environment.
pub(crate) struct Step {
    args: Vec<String>,
    envs: Vec<(&'static str, &'static str)>,
}

impl Step {
    /// Makes a step of cargo's arguments.
    fn cargo(args: &str) -> Self {
        Self { args: args.split_whitespace().map(str::to_owned).collect(), envs: Vec::new() }
    }

    fn env(mut self, name: &'static str, value: &'static str) -> Self {
        self.envs.push((name, value));
        self
    }

    /// Returns the command as users type it.
    fn shown(&self) -> String {
        format!("cargo {}", self.args.join(" "))
    }

    fn run(&self) -> bool {
        eprintln!("\n$ {}", self.shown());
        let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let status = Command::new(cargo).args(&self.args).envs(self.envs.iter().copied()).status();
        status.is_ok_and(|status| status.success())
    }
}

/// The examples, with the features that they need.
const EXAMPLES: [&str; 26] = [
    "quickstart",
    "batch",
    "errors",
    "handler_errors",
    "axum_mount",
    "foreign_servers",
    "in_process",
    "proxy",
    "raw_calls",
    "reliable",
    "endpoints",
    "hedging",
    "coalescing",
    "idempotency",
    "deadlines",
    "middleware --features=rate-limit",
    "auth",
    "credentials",
    "openrpc --features=openrpc",
    "graceful_shutdown",
    "observability --features=prometheus",
    "stream",
    "chat --features=websocket",
    "unix --features=ipc",
    "lsp --features=ipc",
    "tls --features=server-tls",
];

/// Each feature alone, each pair that touches the same code, and none: what users may choose must compile without a
/// warning.
const FEATURES: [&str; 39] = [
    "",
    "server",
    "client",
    "macros",
    "tls",
    "reqwest",
    "dns",
    "websocket",
    "ipc",
    "server,client",
    "server,macros",
    "client,macros",
    "client,tls",
    "client,dns",
    "client,reqwest",
    "client,websocket",
    "client,tls,websocket",
    "client,ipc",
    "client,ipc,websocket",
    "client,tls,reqwest",
    "postgres",
    "finite-floats",
    "test-util",
    "server-tls",
    "rate-limit",
    "openrpc",
    "telemetry",
    "prometheus",
    "server,server-tls",
    "server,websocket",
    "server,ipc",
    "server,rate-limit",
    "server,openrpc",
    "client,openrpc",
    "server,telemetry",
    "client,telemetry",
    "server,prometheus",
    "server,postgres",
    "server,test-util",
];

/// Lists what a change must pass, quick steps first.
pub(crate) fn ci() -> Vec<Step> {
    let mut steps = vec![
        Step::cargo("xtask root"),
        Step::cargo("xtask circles"),
        Step::cargo("xtask api"),
        Step::cargo("xtask docs"),
        Step::cargo("test --workspace"),
        Step::cargo("fmt --all --check"),
        Step::cargo("clippy --workspace --exclude rpc-benches --all-targets --all-features -- -D warnings"),
        Step::cargo("doc --workspace --exclude rpc-benches --no-deps --all-features")
            .env("RUSTDOCFLAGS", "-D warnings"),
    ];
    for features in FEATURES {
        steps.push(Step::cargo(&format!(
            "clippy -p rpc --lib --no-default-features --features={features} -- -D warnings"
        )));
    }
    for features in ["", "server", "client"] {
        steps.push(Step::cargo(&format!(
            "clippy -p rpc-hygiene --no-default-features --features={features} -- -D warnings"
        )));
    }
    steps.push(Step::cargo("test -p rpc --lib --no-default-features --features=client"));
    for example in EXAMPLES {
        steps.push(Step::cargo(&format!("run --quiet --example {example}")));
    }
    // It serves until ctrl-c. The tour of the command line calls it.
    steps.push(Step::cargo("build --quiet --example shop --features=openrpc"));
    steps.extend(benches());
    if is_installed("valgrind") {
        steps.push(Step::cargo("run --profile bench -p rpc-benches -- gate"));
    } else {
        eprintln!("valgrind is not installed: instructions are not counted (on Debian: apt-get install valgrind)");
    }
    steps.push(Step::cargo("run --profile bench -p rpc-benches --features=simulation -- balancing --quick"));
    if is_installed("cargo-deny") {
        // Advisories change from day to day and need the network, so they are not a part of what a change is judged by.
        steps.push(Step::cargo("deny --all-features check bans licenses sources"));
    } else {
        eprintln!("cargo-deny is not installed: dependencies are not checked (cargo install --locked cargo-deny)");
    }
    // At the end, since it refuses files that are not committed.
    steps.push(Step::cargo("xtask package"));
    steps
}

/// Lists the steps of the benchmarks with and without their peers, which the steps above leave off.
fn benches() -> [Step; 5] {
    [
        Step::cargo("clippy -p rpc-benches --all-targets -- -D warnings"),
        Step::cargo("clippy -p rpc-benches --all-targets --features=peers,simulation -- -D warnings"),
        // The command line with a server of jsonrpsee, which runs the program that was built before.
        Step::cargo("build -p rpc-cli"),
        Step::cargo("test -p rpc-benches --features=peers --test cli"),
        // Streams with jsonrpsee's server, and with its client.
        Step::cargo("test -p rpc-benches --features=peers --test websocket --test subscriptions"),
    ]
}

/// Lists what rewrites the snapshots.
pub(crate) fn bless() -> Vec<Step> {
    vec![
        Step::cargo("xtask api --bless"),
        Step::cargo("test -p rpc-macros").env("BLESS", "1"),
        Step::cargo("test -p rpc-core --lib --features=openrpc -- codes:: openrpc::compatibility::").env("BLESS", "1"),
        Step::cargo("test -p rpc-tests --test it -- ui::").env("TRYBUILD", "overwrite"),
        Step::cargo("run --quiet --example openrpc --features=openrpc").env("BLESS", "1"),
        Step::cargo("test -p rpc-cli --test cli -- tour::").env("BLESS", "1"),
    ]
}

fn is_installed(tool: &str) -> bool {
    Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success())
}

/// The number of steps that are reported as the slowest.
const SLOWEST: usize = 10;

/// Runs steps until one fails. Then reports the slowest ones, since they decide how long everyone waits.
pub(crate) fn run(steps: &[Step]) -> ExitCode {
    let mut times: Vec<(Duration, &Step)> = Vec::new();
    for step in steps {
        let start = Instant::now();
        let has_passed = step.run();
        times.push((start.elapsed(), step));
        if !has_passed {
            eprintln!("\nfailed: {}", step.shown());
            return ExitCode::FAILURE;
        }
    }
    let total: Duration = times.iter().map(|(time, _)| *time).sum();
    times.sort_by_key(|(time, _)| std::cmp::Reverse(*time));
    eprintln!("\nall {} steps passed in {} s, of which the slowest are:", steps.len(), total.as_secs());
    for (time, step) in times.iter().take(SLOWEST) {
        eprintln!("{:>6} s  {}", time.as_secs(), step.shown());
    }
    ExitCode::SUCCESS
}
