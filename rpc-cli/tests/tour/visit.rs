//! [`Visit`]: the servers, the directory and the shell in which the commands of the page run, one after another.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{env, fs, iter};

use support::foreign::{ForeignServer, Language};

use super::page::Step;
use super::shop;
use super::varying::random;
use crate::binary::{RpcCommand, program};

/// The address of the shop on the page.
const SHOP: &str = "127.0.0.1:8080";

/// The address of jayson's server on the page.
const JAYSON: &str = "127.0.0.1:3000";

/// The address of pjrpc's server on the page.
const PJRPC: &str = "127.0.0.1:5000";

/// A run of all commands. Its servers end, and its directory goes, when this is dropped.
pub(crate) struct Visit {
    directory: PathBuf,
    servers: Vec<Server>,
    /// Random words of the page, and the words of this run in their place.
    words: Vec<(String, String)>,
    /// The exit code of the last command, for `$?`. `None`: that command did not run.
    exit: Option<i32>,
    _foreign: Vec<Option<ForeignServer>>,
}

/// A server of the page.
struct Server {
    on_page: &'static str,
    /// Its address in this run. `None`: it is not installed.
    address: Option<String>,
}

impl Visit {
    /// Starts the servers, and makes an empty home directory.
    pub(crate) async fn begin() -> Self {
        static VISITS: AtomicU32 = AtomicU32::new(0);
        let visit = format!("visit-{}-{}", std::process::id(), VISITS.fetch_add(1, Ordering::Relaxed));
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(visit);
        fs::create_dir_all(&directory).unwrap();
        let shop = support::serve(&shop::server()).await.to_string();
        let jayson = ForeignServer::start((Language::JavaScript, "server_jayson.mjs")).await;
        let pjrpc = ForeignServer::start((Language::Python, "server_pjrpc.py")).await;
        let address = |server: &Option<ForeignServer>| {
            server.as_ref().map(|server| server.url.trim_start_matches("http://").to_owned())
        };
        let servers = vec![
            Server { on_page: SHOP, address: Some(shop) },
            Server { on_page: JAYSON, address: address(&jayson) },
            Server { on_page: PJRPC, address: address(&pjrpc) },
        ];
        Self { directory, servers, words: Vec::new(), exit: Some(0), _foreign: vec![jayson, pjrpc] }
    }

    /// Returns the command as the shell runs it, or `None` if it needs a server that is not installed, or the exit code
    /// of such a command.
    pub(crate) fn command(&mut self, step: &Step) -> Option<RpcCommand> {
        let last = self.exit.take();
        let mut script = step.command.clone();
        let exit = if script.contains("$?") { last? } else { last.unwrap_or_default() };
        for server in &self.servers {
            if script.contains(server.on_page) {
                script = script.replace(server.on_page, server.address.as_ref()?);
            }
        }
        for (on_page, word) in &self.words {
            script = script.replace(on_page, word);
        }
        let home = &self.directory;
        let command = program("sh", &["-c", &format!("cd; (exit {exit})\n{script}")]);
        let command = command.env("PATH", path_with_binary()).env("HOME", home);
        Some(command.env("XDG_CONFIG_HOME", home.join(".config")).env("XDG_CACHE_HOME", home.join(".cache")))
    }

    /// Returns what was printed, with the addresses of the page.
    pub(crate) fn as_on_page(&self, printed: &str) -> String {
        let mut text = printed.to_owned();
        for server in &self.servers {
            if let Some(address) = &server.address {
                text = text.replace(address, server.on_page);
            }
        }
        text
    }

    /// Remembers how a command ended. Later commands can use its exit code and the random words that it printed.
    pub(crate) fn remember(&mut self, step: &Step, exit: i32, printed: &str) {
        self.exit = Some(exit);
        let words = random(&step.shown).into_iter().zip(random(printed));
        self.words.extend(words.map(|(on_page, word)| (on_page.to_owned(), word.to_owned())));
    }
}

/// Returns the folders of programs, with that of `rpc` before all others.
fn path_with_binary() -> OsString {
    let binary = Path::new(env!("CARGO_BIN_EXE_rpc")).parent().unwrap().to_owned();
    let path = env::var_os("PATH").unwrap_or_default();
    env::join_paths(iter::once(binary).chain(env::split_paths(&path))).unwrap()
}

impl Drop for Visit {
    fn drop(&mut self) {
        // What is left is in the build directory, and in nobody's way.
        let _ = fs::remove_dir_all(&self.directory);
    }
}
