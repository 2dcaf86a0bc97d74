//! Subjects as processes: started, watched and stopped.

use std::fs;
use std::io::{BufRead, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::Result;

/// The core of the server in measurements of time. The load generator has the other core.
pub(crate) const SERVER_CORE: &str = "0";
pub(crate) const LOAD_CORE: &str = "1";

/// Builds the command that runs this program as a subject.
pub(crate) fn subject(args: &[&str]) -> Result<Command> {
    Ok(subject_of(&std::env::current_exe()?, args))
}

/// Builds the command that runs another build of this program as a subject.
pub(crate) fn subject_of(program: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.arg("subject").args(args);
    command
}

/// Builds a command that runs on one core only. The process keeps its id, because `taskset` replaces itself.
pub(crate) fn pinned(core: &str, command: &Command) -> Command {
    let mut taskset = Command::new("taskset");
    taskset.args(["-c", core]).arg(command.get_program()).args(command.get_args());
    taskset
}

/// Fails with a hint if a tool is missing.
pub(crate) fn require(tool: &str, package: &str) -> Result<()> {
    let found =
        std::env::var_os("PATH").is_some_and(|path| std::env::split_paths(&path).any(|dir| dir.join(tool).is_file()));
    if found {
        return Ok(());
    }
    Err(format!("{tool} is not installed (on Debian: apt-get install {package})").into())
}

/// A server in a process of its own. Dropping this value ends the process.
pub(crate) struct ServerProcess {
    child: Child,
    addr: SocketAddr,
}

impl ServerProcess {
    /// Starts a command that runs a server, and waits until the server listens.
    pub(crate) fn start(command: &mut Command) -> Result<Self> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let stdout = child.stdout.take().expect("standard output is piped");
        let mut port = String::new();
        BufReader::new(stdout).read_line(&mut port)?;
        let port = port.trim().parse().map_err(|_| "the server did not start")?;
        Ok(Self { child, addr: (Ipv4Addr::LOCALHOST, port).into() })
    }

    pub(crate) fn addr(&self) -> SocketAddr {
        self.addr
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.addr)
    }

    /// Returns the CPU time of all its threads.
    pub(crate) fn cpu(&self) -> Result<Duration> {
        cpu_of(&self.child.id().to_string())
    }

    /// Returns its private memory in bytes.
    pub(crate) fn memory(&self) -> Result<u64> {
        private_memory(&self.child.id().to_string())
    }

    /// Ends the server, and waits for its process.
    pub(crate) fn stop(mut self) -> Result<()> {
        drop(self.child.stdin.take());
        let status = self.child.wait()?;
        if status.success() { Ok(()) } else { Err(format!("the server ended with {status}").into()) }
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        // If the process has already ended, there is nothing to do.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the CPU time of all threads of this process.
#[cfg(feature = "peers")]
pub(crate) fn own_cpu() -> Result<Duration> {
    cpu_of("self")
}

/// Returns the CPU time of all child processes that have ended, in ticks of a hundredth of a second.
pub(crate) fn cpu_of_children() -> Result<Duration> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    // The name of the program can contain anything. It ends with the last bracket.
    let (_, fields) = stat.rsplit_once(") ").ok_or("a process has a name")?;
    let fields: Vec<_> = fields.split(' ').collect();
    let ticks = |field: usize| -> Result<u64> { Ok(fields.get(field).ok_or("a field is missing")?.parse()?) };
    Ok(Duration::from_millis(10 * (ticks(13)? + ticks(14)?)))
}

fn cpu_of(process: &str) -> Result<Duration> {
    let mut nanos = 0;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let schedstat = fs::read_to_string(thread?.path().join("schedstat"))?;
        nanos += first_number(&schedstat)?;
    }
    Ok(Duration::from_nanos(nanos))
}

/// Returns the private memory of a process in bytes. The process is an id, or `self`.
pub(crate) fn private_memory(process: &str) -> Result<u64> {
    let rollup = fs::read_to_string(Path::new("/proc").join(process).join("smaps_rollup"))?;
    let private = rollup.lines().filter(|line| line.starts_with("Private_"));
    let kib = private.map(|line| first_number(line.split_once(':').map_or("", |(_, rest)| rest)));
    Ok(kib.sum::<Result<u64>>()? * 1024)
}

fn first_number(text: &str) -> Result<u64> {
    Ok(text.split_whitespace().next().ok_or("a number is missing")?.parse()?)
}
