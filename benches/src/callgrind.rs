//! Instructions and allocations per call, counted by valgrind's callgrind.
//!
//! A subject runs twice, with few calls and with many. The difference is the cost of the calls, without the cost of
//! start and end. Only user space is counted.

mod parts;
mod profile;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) use parts::CallPart;
use profile::Profile;

use crate::Result;
use crate::connection::{Connection, request};
use crate::process::{ServerProcess, require, subject_of};
use crate::scenario::Scenario;
use crate::subject::client::Client;
use crate::subject::dispatch::Dispatcher;
use crate::subject::server::Server;
use crate::subject::streams::StreamServer;
use crate::subject::{TOY_ALLOCATIONS, runtime};
use crate::subscriber::Subscriber;
use crate::workload::Pace;

/// The cost of one call.
#[derive(Clone, Debug)]
pub(crate) struct PerCall {
    /// Instructions in user space.
    pub(crate) instructions: f64,
    /// The part of `instructions` in the program itself, without the C library.
    pub(crate) own_instructions: f64,
    /// Calls to `malloc`, `calloc`, `realloc` and their aligned variants.
    pub(crate) allocations: f64,
    /// The instructions by part. Inlined functions count for the function that they are inlined into.
    pub(crate) parts: BTreeMap<CallPart, f64>,
}

/// Runs subjects under callgrind.
pub(crate) struct Callgrind {
    /// The build of this program that runs the subjects.
    program: PathBuf,
    directory: PathBuf,
    /// The function to leave out of the counts, together with its callees.
    uncounted: Option<&'static str>,
}

impl Callgrind {
    /// Checks that valgrind is installed, and that it counts the allocations of the toy subject correctly.
    pub(crate) fn new() -> Result<Self> {
        Self::of(std::env::current_exe()?)
    }

    /// Like [`new`](Self::new), with the subjects of another build of this program.
    pub(crate) fn of(program: PathBuf) -> Result<Self> {
        require("valgrind", "valgrind")?;
        let directory = std::env::temp_dir().join(format!("rpc-benches-{}", std::process::id()));
        fs::create_dir_all(&directory)?;
        let callgrind = Self { program, directory, uncounted: None };
        let counted = callgrind.toy()?.allocations;
        if (counted - f64::from(TOY_ALLOCATIONS)).abs() > 0.01 {
            return Err(format!("callgrind sees {counted} allocations of the toy's {TOY_ALLOCATIONS}").into());
        }
        Ok(callgrind)
    }

    /// Leaves a function and its callees out of all counts. The name may contain asterisks as wildcards.
    pub(crate) fn without(mut self, function: &'static str) -> Self {
        self.uncounted = Some(function);
        self
    }

    fn toy(&self) -> Result<PerCall> {
        let toy = |command: &mut Command, count: usize| run(command.arg(count.to_string()));
        self.per_call([100, 1_100], 1, toy, &["toy"])
    }

    /// Counts what a server does for a call, without the load generator.
    pub(crate) fn server(&self, server: Server, scenario: Scenario) -> Result<PerCall> {
        let request = request(&scenario.request());
        let serve = |command: &mut Command, count: usize| {
            let process = ServerProcess::start(command)?;
            let mut connection = Connection::open(process.addr())?;
            scenario.check(connection.send(&request)?)?;
            for _ in 1..count {
                connection.send(&request)?;
            }
            process.stop()
        };
        self.per_call(counts(scenario), scenario.calls(), serve, &["server", &server.to_string()])
    }

    /// Counts what a client does for a call, without the server.
    pub(crate) fn client(&self, client: Client, scenario: Scenario, url: &str) -> Result<PerCall> {
        let call = |command: &mut Command, count: usize| {
            command.args([&count.to_string(), url]);
            run(command)
        };
        self.per_call(counts(scenario), scenario.calls(), call, &["client", &client.to_string(), &scenario.to_string()])
    }

    /// Counts what a dispatcher does for a call. `methods` is the number of methods, `subtract` included.
    pub(crate) fn dispatch(
        &self,
        dispatcher: Dispatcher,
        scenario: Scenario,
        methods: Option<usize>,
    ) -> Result<PerCall> {
        let dispatch = |command: &mut Command, count: usize| {
            command.arg(count.to_string()).args(methods.map(|methods| methods.to_string()));
            run(command)
        };
        let args = ["dispatch", &dispatcher.to_string(), &scenario.to_string()];
        self.per_call(counts(scenario), scenario.calls(), dispatch, &args)
    }

    /// Counts what it takes to build and dispatch a request. With `keyed`, its id is an idempotency key.
    pub(crate) fn keys(&self, keyed: bool) -> Result<PerCall> {
        let dispatch = |command: &mut Command, count: usize| run(command.arg(count.to_string()));
        self.per_call([1_000, 11_000], 1, dispatch, &["keys", &keyed.to_string()])
    }

    /// Counts what a client does for a call, with endpoints in memory that answer at once.
    pub(crate) fn endpoints(&self, balancer: &str, endpoints: usize) -> Result<PerCall> {
        let call = |command: &mut Command, count: usize| run(command.arg(count.to_string()));
        self.per_call([1_000, 6_000], 1, call, &["endpoints", balancer, &endpoints.to_string()])
    }

    /// Counts what a server does for a notification of a stream.
    pub(crate) fn stream(&self, server: StreamServer, pace: Pace) -> Result<PerCall> {
        let serve = |command: &mut Command, count: usize| {
            let process = ServerProcess::start(command)?;
            let count = count as u64;
            runtime(1)?.block_on(async {
                let mut subscriber = Subscriber::to_ticks(server.wire(), process.addr(), pace, count).await?;
                subscriber.read_ticks(count).await
            })?;
            process.stop()
        };
        self.per_call([10_000, 20_000], 1, serve, &["streams", &server.to_string()])
    }

    fn per_call(
        &self,
        [few, many]: [usize; 2],
        calls: usize,
        mut run: impl FnMut(&mut Command, usize) -> Result<()>,
        args: &[&str],
    ) -> Result<PerCall> {
        let mut profile = |count| -> Result<Profile> {
            let out = self.directory.join(format!("callgrind.{count}"));
            run(&mut self.command(&out, args), count)?;
            let profile = Profile::parse(&fs::read_to_string(&out)?)?;
            fs::remove_file(out)?;
            Ok(profile)
        };
        let (few_profile, many_profile) = (profile(few)?, profile(many)?);
        Ok(many_profile.minus(&few_profile, ((many - few) * calls) as f64))
    }

    fn command(&self, out: &Path, args: &[&str]) -> Command {
        let subject = subject_of(&self.program, args);
        let mut command = Command::new("valgrind");
        command.args(["--quiet", "--tool=callgrind"]);
        command.arg(format!("--callgrind-out-file={}", out.display()));
        if let Some(function) = self.uncounted {
            // With `--toggle-collect`, callgrind expects to count a single function, so it begins with counting off.
            command.args([&format!("--toggle-collect={function}"), "--collect-atstart=yes"]);
        }
        command.arg(subject.get_program()).args(subject.get_args());
        command
    }
}

impl Drop for Callgrind {
    fn drop(&mut self) {
        // A directory left among the temporary files does no harm.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status()?;
    if status.success() { Ok(()) } else { Err(format!("{command:?} ended with {status}").into()) }
}

/// Returns two numbers of requests. They are far enough apart for a steady difference.
fn counts(scenario: Scenario) -> [usize; 2] {
    match scenario.calls() {
        1 => [100, 1_100],
        2..=100 => [10, 50],
        101..=1_000 => [4, 14],
        _ => [2, 6],
    }
}
