//! A process whose environment names a proxy.

use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex};

use rpc::{Client, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

use crate::support::{Peer, client_of, result, serve};
use crate::tls::{Authority, TlsServer};

/// Names the address for the child to call, and is set so that nobody else runs it.
const CHILD: &str = "RPC_TEST_PROXY_CHILD";

#[tokio::test]
#[ignore = "is the child process of the other tests here, which start it"]
async fn child() {
    let Ok(url) = env::var(CHILD) else { return };
    let server = Server::builder().method("ping", || async { "pong" }).build();
    let near = client_of(&server).await;
    assert_eq!(near.call::<String>("ping", ()).await.unwrap(), "pong");
    // Without this the tests would pass where the environment is not heeded at all.
    let far = Client::new(url).unwrap();
    assert_eq!(far.call::<String>("ping", ()).await.unwrap(), "pong");
}

/// Calls this address from a process with such an environment, and a loopback address beside it.
async fn call(url: &str, envs: &[(&str, &str)]) {
    let mut command = Command::new(env::current_exe().unwrap());
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    let child = command
        .args(["--exact", "proxies::child", "--ignored"])
        .env_remove("REQUEST_METHOD")
        .env(CHILD, url)
        .envs(envs.iter().copied())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .output();
    let output = child.await.unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}");
    assert!(said.contains("1 passed"), "the child is not where it was: {said}");
}

#[tokio::test]
async fn a_proxy_from_the_environment_stands_before_all_but_loopback_addresses() {
    let proxy = Peer::answering(|request| result(&request.id(), r#""pong""#)).await;
    let with_password = format!("http://ada:secret@{}", proxy.addr());
    call("http://rpc.example/rpc", &[("HTTP_PROXY", &with_password)]).await;
    call("http://rpc.example:8080", &[("ALL_PROXY", &proxy.url()), ("NO_PROXY", "example.com")]).await;
    let seen: Vec<_> = proxy
        .requests()
        .iter()
        .map(|request| [request.line(), request.header("host").unwrap()].map(str::to_owned))
        .collect();
    assert_eq!(seen[0], ["POST http://rpc.example/rpc HTTP/1.1", "rpc.example"]);
    assert_eq!(seen[1], ["POST http://rpc.example:8080/ HTTP/1.1", "rpc.example:8080"]);
    assert_eq!(seen.len(), 2);
    let passwords: Vec<_> =
        proxy.requests().iter().map(|request| request.header("proxy-authorization").map(str::to_owned)).collect();
    assert_eq!(passwords, [Some("Basic YWRhOnNlY3JldA==".to_owned()), None]);
}

/// What a proxy reads up to, and what it answers then.
type Dialogue = &'static [(&'static [u8], &'static [u8])];

/// Version 5, one method, no authentication; then: connect to a name of 11 letters, port 80.
const SOCKS: Dialogue = &[(b"\x05\x01\x00", b"\x05\x00"), (b"rpc.example\x00\x50", b"\x05\x00\x00\x01\0\0\0\0\0\0")];

/// Is a proxy that makes connections, to one server whatever it is asked for. It keeps what it was asked.
struct Tunnels {
    addr: String,
    asked: Arc<Mutex<Vec<u8>>>,
}

impl Tunnels {
    async fn start(server: SocketAddr, dialogue: Dialogue) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let tunnels = Self { addr: listener.local_addr().unwrap().to_string(), asked: Arc::clone(&asked) };
        tokio::spawn(async move {
            let (mut client, _) = listener.accept().await.unwrap();
            for (end, answer) in dialogue {
                let mut read = Vec::new();
                while !read.ends_with(end) {
                    read.push(client.read_u8().await.unwrap());
                }
                asked.lock().unwrap().extend(read);
                client.write_all(answer).await.unwrap();
            }
            let mut server = TcpStream::connect(server).await.unwrap();
            let _ = copy_bidirectional(&mut client, &mut server).await;
        });
        tunnels
    }

    fn asked(&self) -> String {
        String::from_utf8_lossy(&self.asked.lock().unwrap()).into_owned()
    }
}

/// Says whom the child trusts, which on Linux a variable of the environment does.
struct Trusted(PathBuf);

impl Trusted {
    fn new(authority: &Authority, test: &str) -> Self {
        let file = env::temp_dir().join(format!("rpc-test-{test}-{}.pem", std::process::id()));
        std::fs::write(&file, authority.pem()).unwrap();
        Self(file)
    }
}

impl Drop for Trusted {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_proxy_sees_nothing_of_what_is_encrypted_but_the_address() {
    let authority = Authority::new();
    let trusted = Trusted::new(&authority, "tunnel");
    let server = TlsServer::named(&authority, "rpc.example", &["h2", "http/1.1"]).await;
    let proxy = Tunnels::start(server.addr, &[(b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n")]).await;
    let url = format!("http://ada:secret@{}", proxy.addr);
    call("https://rpc.example", &[("HTTPS_PROXY", &url), ("SSL_CERT_FILE", trusted.0.to_str().unwrap())]).await;
    let asked = proxy.asked().to_lowercase();
    assert!(asked.starts_with("connect rpc.example:443 http/1.1\r\n"), "{asked}");
    assert!(asked.contains("proxy-authorization: basic ywrhonnly3jlda=="), "{asked}");
}

#[tokio::test]
async fn a_socks_proxy_is_asked_for_the_address_by_name() {
    let server = Server::builder().method("ping", || async { "pong" }).build();
    let server = serve(&server).await;
    let proxy = Tunnels::start(server, SOCKS).await;
    call("http://rpc.example", &[("ALL_PROXY", &format!("socks5h://{}", proxy.addr))]).await;
    assert_eq!(proxy.asked(), "\x05\x01\x00\x05\x01\x00\x03\x0brpc.example\x00\x50");
}
