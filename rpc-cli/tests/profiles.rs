//! Profiles of the configuration file.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use rpc::{Context, Server};
use serde_json::{Value, json};
use support::{Answer, Peer, Received, http};

use crate::binary::{Ended, RpcCommand, rpc};

#[rpc::service]
trait Echo {
    #[rpc(readonly)]
    async fn echo(&self, #[rpc(context)] cx: &Context, id: Value) -> Value;
}

struct EchoParams;

impl Echo for EchoParams {
    async fn echo(&self, cx: &Context, id: Value) -> Value {
        // Only HTTP/1.1 has the header `host`.
        json!({ "id": id, "http1": cx.headers().contains_key("host") })
    }
}

/// A folder with a configuration, which is removed at the end.
struct Folder(PathBuf);

impl Folder {
    fn new(config: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("rpc-cli-profiles-{}-{number}", std::process::id()));
        fs::create_dir_all(folder.join("rpc")).unwrap();
        let folder = Self(folder);
        fs::write(folder.config(), config).unwrap();
        folder.allow(0o600);
        folder
    }

    fn config(&self) -> PathBuf {
        self.0.join("rpc/config.toml")
    }

    fn allow(&self, mode: u32) {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(self.config(), fs::Permissions::from_mode(mode)).unwrap();
    }

    fn rpc(&self, args: &[&str]) -> RpcCommand {
        rpc(args).env("RPC_CONFIG", self.config())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

async fn pong() -> Peer {
    Peer::answering(|call: &Received| json!({ "jsonrpc": "2.0", "id": call.id(), "result": "pong" })).await
}

fn header(peer: &Peer, name: &str) -> Option<String> {
    peer.requests().last().unwrap().header(name).map(str::to_owned)
}

fn succeeded(ended: &Ended) {
    assert_eq!(*ended, Ended { exit: 0, stdout: "\"pong\"\n".to_owned(), stderr: String::new() });
}

#[tokio::test]
async fn a_profile_has_the_address_and_the_settings() {
    let peer = pong().await;
    let folder = Folder::new(&format!(
        "[profiles.prod]\nurl = \"{}\"\nheaders = {{ x-tenant = \"a\" }}\nbearer = \"t\"\ndeadline = \"5s\"\n",
        peer.url()
    ));
    succeeded(&folder.rpc(&["call", "@prod", "ping"]).run().await);
    assert_eq!(header(&peer, "x-tenant").as_deref(), Some("a"));
    assert_eq!(header(&peer, "authorization").as_deref(), Some("Bearer t"));
    assert_eq!(header(&peer, "rpc-timeout-ms").as_deref(), Some("5000"));
}

#[tokio::test]
async fn the_command_line_takes_precedence_over_the_profile() {
    let peer = pong().await;
    let folder = Folder::new(&format!(
        "[profiles.prod]\nurl = \"{}\"\nheaders = {{ x-tenant = \"a\" }}\nbearer = \"t\"\ndeadline = \"5s\"\n",
        peer.url()
    ));
    let args = ["call", "@prod", "ping", "--readonly", "-H", "X-Tenant: b", "--bearer", "own", "--deadline", "7s"];
    // The token of the environment may be meant for another server.
    succeeded(&folder.rpc(&args[..4]).env("RPC_BEARER", "other").run().await);
    assert_eq!(header(&peer, "authorization").as_deref(), Some("Bearer t"));
    succeeded(&folder.rpc(&args).run().await);
    assert_eq!(header(&peer, "x-tenant").as_deref(), Some("b"));
    assert_eq!(header(&peer, "authorization").as_deref(), Some("Bearer own"));
    assert_eq!(header(&peer, "rpc-timeout-ms").as_deref(), Some("7000"));
    succeeded(&folder.rpc(&["call", "@prod", "ping", "-H", "authorization: Basic x"]).run().await);
    assert_eq!(header(&peer, "authorization").as_deref(), Some("Basic x"));
}

#[tokio::test]
async fn the_token_can_be_in_a_variable_or_a_file() {
    let peer = pong().await;
    let url = peer.url();
    let folder = Folder::new(&format!(
        "[profiles.a]\nurl = \"{url}\"\nbearer_env = \"TOKEN_OF_A\"\n[profiles.b]\nurl = \"{url}\"\nbearer_file = \"token\"\n"
    ));
    fs::write(folder.0.join("rpc/token"), "of-file\n").unwrap();
    succeeded(&folder.rpc(&["call", "@a", "ping"]).env("TOKEN_OF_A", "of-variable").run().await);
    assert_eq!(header(&peer, "authorization").as_deref(), Some("Bearer of-variable"));
    succeeded(&folder.rpc(&["call", "@b", "ping"]).run().await);
    assert_eq!(header(&peer, "authorization").as_deref(), Some("Bearer of-file"));
    let ended = folder.rpc(&["call", "@a", "ping"]).run().await;
    assert_eq!(ended.exit, 2);
    assert!(ended.stderr.ends_with("the variable TOKEN_OF_A of its bearer_env is not set\n"), "{}", ended.stderr);
    succeeded(&rpc(&["call", &url, "ping"]).env("RPC_BEARER", "of-rpc").run().await);
    assert_eq!(header(&peer, "authorization").as_deref(), Some("Bearer of-rpc"));
}

#[tokio::test]
async fn the_file_is_found_in_the_folder_of_configurations() {
    let peer = pong().await;
    let folder = Folder::new(&format!("[profiles.prod]\nurl = \"{}\"\n", peer.url()));
    succeeded(&rpc(&["call", "@prod", "ping"]).env("XDG_CONFIG_HOME", &folder.0).run().await);
}

#[tokio::test]
async fn what_is_wrong_with_the_configuration_is_told_with_its_place() {
    let folder = Folder::new("[profiles.prod]\nurl = \"http://127.0.0.1:1\"\nbaerer = \"s3cret\"\n");
    let ended = folder.rpc(&["call", "@prod", "ping"]).run().await;
    let expected = format!("error: {}:3:1: unknown field `baerer`", folder.config().display());
    assert!(ended.exit == 2 && ended.stderr.starts_with(&expected), "{}", ended.stderr);
    assert!(!ended.stderr.contains("s3cret"), "{}", ended.stderr);
    let folder = Folder::new("[profiles.prod]\nurl = \"http://127.0.0.1:1\"\n");
    let ended = folder.rpc(&["call", "@prdo", "ping"]).run().await;
    let expected =
        format!("error: the file {} has no profile `prdo`: did you mean `prod`?\n", folder.config().display());
    assert_eq!((ended.exit, ended.stderr), (2, expected));
    let ended = rpc(&["call", "@prod", "ping"]).env("RPC_CONFIG", "/nonexistent/config").run().await;
    let expected =
        "error: there is no profile `prod`: the configuration file /nonexistent/config does not exist\n".to_owned();
    assert_eq!((ended.exit, ended.stderr), (2, expected));
}

#[tokio::test]
async fn a_token_that_others_can_read_is_warned_about() {
    let peer = pong().await;
    let folder = Folder::new(&format!("[profiles.prod]\nurl = \"{}\"\nbearer = \"s3cret\"\n", peer.url()));
    folder.allow(0o644);
    let ended = folder.rpc(&["call", "@prod", "ping"]).run().await;
    let file = folder.config();
    let file = file.display();
    let expected = format!("warning: {file} holds a token and can be read by other users: chmod 600 {file}\n");
    assert_eq!((ended.exit, ended.stderr), (0, expected));
}

#[tokio::test]
async fn retries_http2_and_the_description_are_settings_too() {
    let peer = Peer::start(|_| Answer::Bytes(http("502 Bad Gateway", &[], ""))).await;
    let server = Server::builder().service(EchoServer::new(EchoParams)).build();
    let folder = Folder::new(&format!(
        "[profiles.once]\nurl = \"{}\"\nretry = 0\n[profiles.two]\nurl = \"http://{}\"\nhttp2 = true\n\
         description = \"openrpc.json\"\n",
        peer.url(),
        support::serve(&server).await
    ));
    assert_eq!(folder.rpc(&["call", "@once", "ping", "--readonly"]).run().await.exit, 6);
    assert_eq!(peer.requests().len(), 1);
    let method = json!({ "name": "echo", "params": [{ "name": "id", "schema": { "type": "string" } }] });
    let document = json!({ "openrpc": "1.3.2", "info": { "title": "T", "version": "1" }, "methods": [method] });
    fs::write(folder.0.join("rpc/openrpc.json"), document.to_string()).unwrap();
    let ended = folder.rpc(&["call", "@two", "echo", "id=1"]).run().await;
    assert_eq!(ended, Ended { exit: 0, stdout: "{\"http1\":false,\"id\":\"1\"}\n".to_owned(), stderr: String::new() });
}
