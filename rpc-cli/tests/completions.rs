//! `rpc completions`: the scripts in their shells, against servers that answer, refuse and hang.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use support::{Peer, http};

use crate::binary::{RpcCommand, Terminal, program, rpc};
use crate::users;

/// A directory with the binary under its name, the scripts, and room for the cache.
struct Home {
    directory: PathBuf,
}

impl Home {
    async fn new(name: &str) -> Self {
        let directory =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("completions-{name}-{}", std::process::id()));
        let home = Self { directory };
        std::fs::create_dir_all(home.path("bin")).unwrap();
        std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_rpc"), home.path("bin/rpc")).unwrap();
        for shell in ["bash", "fish", "zsh"] {
            let ended = rpc(&["completions", shell]).run().await;
            assert_eq!((ended.exit, &*ended.stderr), (0, ""));
            std::fs::write(home.path(shell), ended.stdout).unwrap();
        }
        home
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// Begins a run of a program that finds the binary, the cache and no other settings.
    fn run(&self, name: &str, args: &[&str]) -> RpcCommand {
        let path = format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap());
        program(name, args)
            .env("PATH", path)
            .env("HOME", &self.directory)
            .env("XDG_CONFIG_HOME", self.path("config"))
            .env("XDG_DATA_HOME", self.path("data"))
            .env("XDG_CACHE_HOME", self.path("cache"))
    }

    /// Completes a line as bash does: with its words, which end at some characters.
    async fn bash(&self, line: &str) -> Vec<String> {
        const COMPLETE: &str = r#"
            source "$1"
            COMP_WORDBREAKS=$' \t\n"\'><=;|&(:@'
            COMP_LINE=$2 COMP_POINT=${#2}
            read -ra COMP_WORDS <<<"$(sed 's/[=:@]/ & /g' <<<"$2")"
            [[ $2 == *' ' ]] && COMP_WORDS+=('')
            COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
            _rpc_words rpc "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            for word in "${COMPREPLY[@]}"; do echo "$word"; done"#;
        let script = self.path("bash");
        self.lines(self.run("bash", &["--norc", "-c", COMPLETE, "bash", script.to_str().unwrap(), line])).await
    }

    async fn fish(&self, line: &str) -> Vec<String> {
        let complete = "source $argv[1]; complete -C $argv[2]";
        let script = self.path("fish");
        self.lines(self.run("fish", &["--no-config", "-c", complete, script.to_str().unwrap(), line])).await
    }

    async fn lines(&self, command: RpcCommand) -> Vec<String> {
        let ended = command.run().await;
        assert_eq!((ended.exit, &*ended.stderr), (0, ""));
        ended.stdout.lines().map(str::to_owned).collect()
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Returns whether a shell is installed. If not, says so; with `CI` set, where no test may be skipped, fails.
fn is_installed(shell: &str) -> bool {
    let is_installed = std::process::Command::new(shell).args(["-c", "exit"]).status().is_ok();
    if !is_installed {
        let thread = std::thread::current();
        let test = thread.name().unwrap_or("a test").to_owned();
        assert!(std::env::var_os("CI").is_none(), "{test} needs {shell}");
        // Not captured, unlike the output of the macros.
        let skipped = format!("\n*** SKIPPED: {test}. It needs {shell} (on Debian: apt-get install {shell}).\n");
        std::io::Write::write_all(&mut std::io::stderr(), skipped.as_bytes()).unwrap();
    }
    is_installed
}

#[tokio::test]
async fn bash_completes_methods_and_params() {
    if !is_installed("bash") {
        return;
    }
    let (home, url) = (Home::new("bash").await, users::serve().await);
    let mut methods = home.bash(&format!("rpc call {url} user.")).await;
    methods.sort_unstable();
    assert_eq!(methods, ["user.add", "user.clear", "user.get", "user.list", "user.rename", "user.search"]);
    assert_eq!(home.bash(&format!("rpc describe -H 'a: b' {url} user.g")).await, ["user.get"]);
    assert_eq!(home.bash(&format!("rpc list {url} user.l")).await, ["user.list"]);
    assert_eq!(home.bash(&format!("rpc --json call {url} user.get ")).await, ["id=", "depth="]);
    assert_eq!(home.bash(&format!("rpc call {url} user.find id=1 ")).await, ["depth="]);
    assert_eq!(home.bash(&format!("rpc call {url} user.list order=")).await, ["asc", "desc"]);
    assert_eq!(home.bash(&format!("rpc call {url} user.list active=t")).await, ["true"]);
    let mut members = home.bash(&format!("rpc call {url} user.search ")).await;
    members.sort_unstable();
    assert_eq!(members, ["limit=", "text="]);
    // The rest is as clap_complete has it, without placeholders.
    assert_eq!(home.bash("rpc desc").await, ["describe"]);
    let options = home.bash("rpc list --").await;
    assert!(options.contains(&"--header".to_owned()) && options.contains(&"--description".to_owned()), "{options:?}");
    let first = home.bash("rpc list ").await;
    assert!(first.iter().all(|word| word.starts_with('-')), "{first:?}");
    assert!(!home.bash("rpc ").await.iter().any(|word| word.contains("__complete")));
}

#[tokio::test]
async fn fish_completes_methods_and_params() {
    if !is_installed("fish") {
        return;
    }
    let (home, url) = (Home::new("fish").await, users::serve().await);
    assert_eq!(home.fish(&format!("rpc call {url} user.g")).await, ["user.get\tLooks a user up."]);
    assert_eq!(home.fish(&format!("rpc call {url} user.get ")).await, ["depth=", "id="]);
    let mut values = home.fish(&format!("rpc call {url} user.list order=")).await;
    values.sort_unstable();
    assert_eq!(values, ["order=asc", "order=desc"]);
    assert_eq!(home.fish("rpc desc").await, ["describe\tDescribe a method: params, result, errors"]);
    let commands = home.fish("rpc ").await;
    assert!(commands.len() > 5 && !commands.iter().any(|word| word.contains("__complete")), "{commands:?}");
    // Files, where the program knows no words.
    std::fs::write(home.path("openrpc.json"), "").unwrap();
    let file = home.path("open");
    let files = home.fish(&format!("rpc list {}", file.display())).await;
    assert_eq!(files, [home.path("openrpc.json").to_str().unwrap()]);
}

/// Types calls with tabs into an interactive shell, and ends it. The results show which words the shell has passed on.
async fn completes_each_part_of_a_line(mut terminal: Terminal, url: &str) {
    terminal.until_shown("ready> ").await;
    terminal.type_text(&format!("rpc --color never call {url} user.ge\t"));
    terminal.until_shown("user.get").await;
    terminal.type_text("dep\t");
    terminal.until_shown("depth=").await;
    terminal.type_text("2 i\t");
    terminal.until_shown("id=").await;
    terminal.type_text("1\r");
    terminal.until_shown("\"name\":").await;
    terminal.until_shown("\"Ada\"").await;
    terminal.type_text(&format!("rpc --color never call {url} user.list order=d\t"));
    terminal.until_shown("order=desc").await;
    terminal.type_text("\r");
    terminal.until_shown("Some(Desc)").await;
    terminal.type_text("exit\r");
    assert_eq!(terminal.ended().await.0, 0);
}

#[tokio::test]
async fn zsh_completes_methods_and_params() {
    if !is_installed("zsh") {
        return;
    }
    let (home, url) = (Home::new("zsh").await, users::serve().await);
    let setup = "autoload -Uz compinit; compinit -u -D; PS1='ready> '";
    std::fs::write(home.path(".zshrc"), format!("{setup}\nsource {}\n", home.path("zsh").display())).unwrap();
    let terminal = Terminal::start(home.run("zsh", &["-i"]).env("ZDOTDIR", &home.directory));
    completes_each_part_of_a_line(terminal, &url).await;
}

#[tokio::test]
async fn interactive_bash_completes_each_part_of_a_line() {
    if !is_installed("bash") {
        return;
    }
    let (home, url) = (Home::new("interactive").await, users::serve().await);
    let rc = home.path("rc");
    std::fs::write(&rc, format!("PS1='ready> '\nsource {}\n", home.path("bash").display())).unwrap();
    let terminal = Terminal::start(home.run("bash", &["--rcfile", rc.to_str().unwrap(), "-i"]));
    completes_each_part_of_a_line(terminal, &url).await;
}

#[tokio::test]
async fn without_an_answer_there_are_no_words_and_no_complaints() {
    let home = Home::new("silent").await;
    let hanging = Peer::silent().await.url();
    let refusing = format!("http://{}", support::refusing());
    let broken = Peer::answering(|_| "<html>").await.url();
    for url in [&hanging, &refusing, &broken, "http://", "@missing", "-"] {
        let begun = Instant::now();
        if is_installed("bash") {
            assert_eq!(home.bash(&format!("rpc call {url} us")).await, [""; 0], "{url}");
        }
        let ended = home.run("rpc", &["__complete", "zsh", "call", url, "us"]).run().await;
        assert_eq!((ended.exit, &*ended.stdout, &*ended.stderr), (0, "", ""), "{url}");
        // A command would wait for 5 s.
        assert!(begun.elapsed() < Duration::from_secs(4), "{url}: {:?}", begun.elapsed());
    }
    for args in
        [&["__complete"][..], &["__complete", "bash"], &["__complete", "none", ""], &["__complete", "fish", "x"]]
    {
        let ended = rpc(args).run().await;
        assert_eq!((ended.exit, &*ended.stdout, &*ended.stderr), (0, "", ""), "{args:?}");
    }
}

#[tokio::test]
async fn the_answer_is_kept_in_a_private_file_without_secrets() {
    let home = Home::new("cache").await;
    let peer = Peer::answering(|request| {
        let methods = json!([{ "name": "one", "params": [] }, { "name": "$(touch x)", "params": [] }]);
        let document = json!({ "openrpc": "1.3.2", "info": { "title": "t", "version": "1" }, "methods": methods });
        json!({ "jsonrpc": "2.0", "id": request.id(), "result": document })
    })
    .await;
    let url = format!("{}/rpc?token=secret1", peer.url().replace("http://", "http://user:secret2@"));
    let complete = async || {
        let words = ["__complete", "fish", "call", &url, "--bearer", "secret3", ""];
        let ended = home.run("rpc", &words).run().await;
        // The name that shells would run is not offered.
        assert_eq!((ended.exit, &*ended.stdout, &*ended.stderr), (0, "one\n", ""));
    };
    complete().await;
    complete().await;
    assert_eq!(peer.requests().len(), 1, "the second completion reads the cache");
    let directory = home.path("cache/rpc");
    assert_eq!(directory.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let files: Vec<_> = directory.read_dir().unwrap().map(|file| file.unwrap()).collect();
    let [file] = &*files else { panic!("{files:?}") };
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(file.path()).unwrap();
    assert!(!text.contains("secret") && !file.file_name().to_str().unwrap().contains("secret"), "{text}");

    // An old entry, and one that is broken, are as none.
    let old = std::time::SystemTime::now() - Duration::from_secs(6 * 60);
    std::fs::File::options().write(true).open(file.path()).unwrap().set_modified(old).unwrap();
    complete().await;
    assert_eq!(peer.requests().len(), 2);
    std::fs::write(file.path(), "{").unwrap();
    complete().await;
    assert_eq!(peer.requests().len(), 3);
    assert_eq!(directory.read_dir().unwrap().count(), 1);
}

#[tokio::test]
async fn profiles_are_completed_and_their_servers_asked() {
    let (home, url) = (Home::new("profiles").await, users::serve().await);
    std::fs::create_dir_all(home.path("config/rpc")).unwrap();
    let config = format!("[profiles.prod]\nurl = \"{url}\"\n[profiles.preview]\nurl = \"http://127.0.0.1:1\"\n");
    std::fs::write(home.path("config/rpc/config.toml"), config).unwrap();
    let complete = async |line: &str| {
        let words: Vec<_> = ["__complete", "fish"].into_iter().chain(line.split(' ')).collect();
        let ended = home.run("rpc", &words).run().await;
        assert_eq!((ended.exit, &*ended.stderr), (0, ""));
        ended.stdout
    };
    for line in ["call @", "health @p", "list ", "diff @", "diff @prod @"] {
        assert_eq!(complete(line).await, "@preview\n@prod\n", "{line}");
    }
    assert_eq!(complete("call @prod user.g").await, "user.get\tLooks a user up.\n");
    if is_installed("bash") {
        // bash takes `@` as the end of a word.
        assert_eq!(home.bash("rpc call @pro").await, ["prod"]);
    }
}

#[tokio::test]
async fn a_server_without_a_description_is_no_error() {
    let home = Home::new("none").await;
    let peer = Peer::start(|_| http("404 Not Found", &[], "").into()).await;
    let ended = home.run("rpc", &["__complete", "fish", "call", &peer.url(), ""]).run().await;
    assert_eq!((ended.exit, &*ended.stdout, &*ended.stderr), (0, "", ""));
    assert!(!home.path("cache").exists());
}

#[tokio::test]
async fn other_shells_have_static_scripts() {
    for (shell, text) in
        [("elvish", "set edit:completion:arg-completer[rpc]"), ("powershell", "Register-ArgumentCompleter")]
    {
        let ended = rpc(&["completions", shell]).run().await;
        assert_eq!((ended.exit, &*ended.stderr), (0, ""));
        assert!(ended.stdout.contains(text));
    }
    assert_eq!(rpc(&["completions", "tcsh"]).run().await.exit, 2);
}
