//! A real PostgreSQL server for one test, in a directory that is deleted with it.

use std::fs::{self, File};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use std::{env, process, thread};

/// How long the server may take to start.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// A server that listens on a socket in its directory. It runs until this is dropped.
pub struct Postgres {
    programs: PathBuf,
    user: Option<User>,
    directory: PathBuf,
    server: Option<Child>,
}

/// The user that the server runs as if the tests run as root, because PostgreSQL does not run as root.
#[derive(Clone, Copy)]
struct User {
    uid: u32,
    gid: u32,
}

impl Postgres {
    /// Starts a server. Returns `None`, with a message, if PostgreSQL is not installed.
    ///
    /// # Panics
    ///
    /// If PostgreSQL is not installed and the environment has `CI`, where no test may be skipped.
    pub fn start(test: &str) -> Option<Self> {
        let Some(programs) = programs() else {
            assert!(env::var_os("CI").is_none(), "{test} needs PostgreSQL, and no program of it was found");
            // Written directly to standard error, because the output of passing tests is not shown.
            let skipped =
                format!("\n*** SKIPPED: {test}. It needs PostgreSQL (on Debian: apt-get install postgresql).\n");
            std::io::Write::write_all(&mut std::io::stderr(), skipped.as_bytes()).unwrap();
            return None;
        };
        static STARTED: AtomicUsize = AtomicUsize::new(0);
        let name = format!("rpc-postgres-{}-{}", process::id(), STARTED.fetch_add(1, Ordering::Relaxed));
        let directory = env::temp_dir().join(name);
        fs::create_dir(&directory).unwrap();
        let mut postgres = Self { programs, user: user(), directory, server: None };
        if let Some(User { uid, gid }) = postgres.user {
            chown(&postgres.directory, Some(uid), Some(gid)).unwrap();
        }
        let mut initdb = postgres.program("initdb");
        initdb.args(["--username=postgres", "--auth=trust", "--no-sync", "--locale=C", "--encoding=UTF8", "-D"]);
        let output = initdb.arg(postgres.data()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        postgres.resume();
        Some(postgres)
    }

    /// Returns the configuration with which clients connect.
    pub fn config(&self) -> String {
        Self::config_at(&self.directory)
    }

    /// Returns the configuration for a server with its socket in this directory.
    pub fn config_at(directory: &Path) -> String {
        format!("host={} user=postgres dbname=postgres", directory.display())
    }

    /// Returns the path of the server's socket.
    pub fn socket(&self) -> PathBuf {
        self.directory.join(".s.PGSQL.5432")
    }

    /// Ends the server like a crash: at once, with committed data only in its log.
    pub fn crash(&mut self) {
        let Some(mut server) = self.server.take() else { return };
        let kill = Command::new("sh").args(["-c", r#"kill -s QUIT "$0""#, &server.id().to_string()]).status();
        assert!(kill.unwrap().success());
        server.wait().unwrap();
    }

    /// Starts the server again, and waits until it is ready.
    pub fn resume(&mut self) {
        let log = File::create(self.directory.join("log")).unwrap();
        let mut server = self.program("postgres");
        server.arg("-D").arg(self.data()).arg("-k").arg(&self.directory);
        // Only a crash of the whole machine would need `fsync`.
        for setting in ["listen_addresses=", "fsync=off", "max_connections=200", "port=5432"] {
            server.args(["-c", setting]);
        }
        let errors = log.try_clone().unwrap();
        let server = self.server.insert(server.stdin(Stdio::null()).stdout(log).stderr(errors).spawn().unwrap());
        let start = Instant::now();
        let data = self.directory.join("data");
        while !is_ready(&data) {
            let ended = server.try_wait().unwrap();
            if ended.is_some() || start.elapsed() > TEST_TIMEOUT {
                let log = fs::read_to_string(self.directory.join("log")).unwrap_or_default();
                panic!("PostgreSQL does not start: {ended:?}\n{log}");
            }
            thread::sleep(Duration::from_millis(10));
        }
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    fn program(&self, name: &str) -> Command {
        let mut command = Command::new(self.programs.join(name));
        command.current_dir(&self.directory);
        if let Some(User { uid, gid }) = self.user {
            command.uid(uid).gid(gid);
        }
        command
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.crash();
        let _ = fs::remove_dir_all(&self.directory);
    }
}

/// Reads the server's state, which is the eighth line of this file.
fn is_ready(data: &Path) -> bool {
    let state = fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    state.lines().nth(7).is_some_and(|line| line.trim() == "ready")
}

/// Finds the directory of PostgreSQL's programs: on the path, or where Debian installs them, the newest first.
fn programs() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten().map(|entry| entry.path());
    let mut versions: Vec<_> = versions.collect();
    versions.sort_by_key(|path| path.file_name().and_then(|name| name.to_str()?.parse::<u32>().ok()));
    let versions = versions.into_iter().rev().map(|path| path.join("bin"));
    let has_all = |directory: &PathBuf| ["initdb", "postgres"].iter().all(|name| directory.join(name).is_file());
    env::split_paths(&path).chain(versions).find(has_all)
}

/// Returns the user that the server must run as, if not the current one.
fn user() -> Option<User> {
    let id = Command::new("id").arg("-u").output().unwrap();
    if id.stdout.trim_ascii() != b"0" {
        return None;
    }
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let find = |wanted: &str| {
        let mut fields = users.lines().map(|line| line.split(':')).find(|line| line.clone().next() == Some(wanted))?;
        Some(User { uid: fields.nth(2)?.parse().ok()?, gid: fields.next()?.parse().ok()? })
    };
    Some(find("postgres").or_else(|| find("nobody")).expect("there is somebody who is not root"))
}
