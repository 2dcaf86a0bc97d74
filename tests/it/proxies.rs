//! A process with a proxy in its environment.

use std::env;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use rpc::{Client, Outcome, Retry, Server};
use support::{Peer, child, client_of, result, serve};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use crate::tls::{Authority, TlsServer};

/// The address for the child to call. Only a child has this variable.
const CHILD: &str = "RPC_TEST_PROXY_CHILD";
/// Tells the child that the proxy rejects the connection.
const REFUSED: &str = "RPC_TEST_PROXY_REFUSES";

#[tokio::test]
#[ignore = "is the child process of the other tests here, which start it"]
async fn child() {
    let Ok(url) = env::var(CHILD) else { return };
    let server = Server::builder().method("ping", || async { "pong" }).build();
    let near = client_of(&server).await;
    assert_eq!(near.call::<String>("ping", ()).await.unwrap(), "pong");
    // Without this call, the tests would pass even if the client ignored the environment.
    let far = Client::builder().endpoint(&url).retry(Retry::never()).build().unwrap();
    let answer = far.call::<String>("ping", ()).await;
    if env::var_os(REFUSED).is_none() {
        assert_eq!(answer.unwrap(), "pong");
    } else {
        let error = answer.unwrap_err();
        assert!(error.is_connect(), "{error:?}");
        assert_eq!(error.outcome(), Outcome::NotSent);
        let proxy = env::var("ALL_PROXY").unwrap().replace("ada:secret@", "");
        assert_eq!(error.to_string(), format!("cannot connect to the server at {url} through the proxy {proxy}"));
        assert!(!format!("{error:?}").contains("secret"));
    }
}

#[tokio::test]
#[ignore = "is the child process of the test below"]
async fn child_that_cannot_be_built() {
    let Ok(url) = env::var(CHILD) else { return };
    let failure = Client::new(url).unwrap_err();
    assert!(failure.is_builder());
    assert_eq!(failure.to_string(), "environment variable HTTP_PROXY is not the address of a proxy");
    assert!(!format!("{failure:?}").contains("secret"));
}

#[tokio::test]
async fn a_malformed_proxy_is_an_error_when_the_client_is_built() {
    let envs = [("HTTP_PROXY", "ftp://ada:secret@proxy")];
    run("child_that_cannot_be_built", "http://rpc.example", &envs).await;
}

/// Calls this address, and a loopback address, from a process with this environment.
async fn call(url: &str, envs: &[(&str, &str)]) {
    run("child", url, envs).await;
}

async fn run(test: &str, url: &str, envs: &[(&str, &str)]) {
    let mut command = child::command(module_path!(), test);
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"] {
        command.env_remove(name).env_remove(name.to_lowercase());
    }
    command.env_remove("REQUEST_METHOD").env(CHILD, url).envs(envs.iter().copied());
    child::run(command).await;
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

/// The bytes at which a proxy stops reading, each with its reply.
type Dialogue = &'static [(&'static [u8], &'static [u8])];

/// Version 5, one method, no authentication. Then: connect to a name of 11 letters, port 80.
const SOCKS: Dialogue = &[(b"\x05\x01\x00", b"\x05\x00"), (b"rpc.example\x00\x50", b"\x05\x00\x00\x01\0\0\0\0\0\0")];

/// Version 5, one method: name and password, then both of them. Then: connect, as above.
const SOCKS_WITH_PASSWORD: Dialogue = &[
    (b"\x05\x01\x02", b"\x05\x02"),
    (b"\x01\x03ada\x06secret", b"\x01\x00"),
    (b"rpc.example\x00\x50", b"\x05\x00\x00\x01\0\0\0\0\0\0"),
];

/// Version 4: connect to port 80 of a name, which follows an invalid address and an empty user id.
const SOCKS4: Dialogue = &[(b"\x04\x01\x00\x50\0\0\0\xff\0rpc.example\0", b"\0\x5a\0\0\0\0\0\0")];

const CONNECT: Dialogue = &[(b"\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n")];

/// A proxy that always connects to the same server, whatever the request names. It keeps the requests.
struct Tunnels {
    addr: SocketAddr,
    asked: Arc<Mutex<Vec<u8>>>,
}

impl Tunnels {
    async fn start(server: SocketAddr, dialogue: Dialogue) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let tunnels = Self { addr: listener.local_addr().unwrap(), asked: Arc::clone(&asked) };
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
            // After a rejection by the proxy, no server listens at this address.
            let Ok(mut server) = TcpStream::connect(server).await else { return };
            let _ = copy_bidirectional(&mut client, &mut server).await;
        });
        tunnels
    }

    fn asked(&self) -> String {
        String::from_utf8_lossy(&self.asked.lock().unwrap()).into_owned()
    }
}

/// The certificates that the child trusts. On Linux, an environment variable sets them.
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
    let proxy = Tunnels::start(server.addr, CONNECT).await;
    let url = format!("http://ada:secret@{}", proxy.addr);
    call("https://rpc.example", &[("HTTPS_PROXY", &url), ("SSL_CERT_FILE", trusted.0.to_str().unwrap())]).await;
    let asked = proxy.asked().to_lowercase();
    assert!(asked.starts_with("connect rpc.example:443 http/1.1\r\n"), "{asked}");
    assert!(asked.contains("proxy-authorization: basic ywrhonnly3jlda=="), "{asked}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_way_to_a_proxy_may_be_encrypted_too() {
    let authority = Authority::new();
    let trusted = Trusted::new(&authority, "encrypted-proxy");
    let trust = ("SSL_CERT_FILE", trusted.0.to_str().unwrap());

    let server = TlsServer::named(&authority, "rpc.example", &["h2", "http/1.1"]).await;
    let tunnels = Tunnels::start(server.addr, CONNECT).await;
    let proxy = TlsServer::before(tunnels.addr, &authority, "localhost").await;
    let url = format!("https://ada:secret@localhost:{}", proxy.addr.port());
    call("https://rpc.example", &[("HTTPS_PROXY", &url), trust]).await;
    let asked = tunnels.asked().to_lowercase();
    assert!(asked.starts_with("connect rpc.example:443 http/1.1\r\n"), "{asked}");
    assert!(asked.contains("proxy-authorization: basic ywrhonnly3jlda=="), "{asked}");

    let forwarder = Peer::answering(|request| result(&request.id(), r#""pong""#)).await;
    let proxy = TlsServer::before(forwarder.addr().parse().unwrap(), &authority, "localhost").await;
    call("http://rpc.example", &[("HTTP_PROXY", &format!("https://localhost:{}", proxy.addr.port())), trust]).await;
    assert_eq!(forwarder.requests()[0].line(), "POST http://rpc.example/ HTTP/1.1");
}

/// Calls through a SOCKS proxy, and returns the request that the proxy got.
async fn asked_of_socks(scheme_and_user: &str, dialogue: Dialogue) -> String {
    let server = Server::builder().method("ping", || async { "pong" }).build();
    let proxy = Tunnels::start(serve(&server).await, dialogue).await;
    call("http://rpc.example", &[("ALL_PROXY", &format!("{scheme_and_user}{}", proxy.addr))]).await;
    proxy.asked()
}

#[tokio::test]
async fn a_socks_proxy_is_asked_for_the_address_by_name() {
    assert_eq!(asked_of_socks("socks5h://", SOCKS).await, "\x05\x01\x00\x05\x01\x00\x03\x0brpc.example\x00\x50");
    let asked = asked_of_socks("socks4a://", SOCKS4).await;
    assert!(asked.ends_with("\0rpc.example\0"), "{asked:?}");
}

#[tokio::test]
async fn a_socks_proxy_is_told_name_and_password() {
    let asked = asked_of_socks("socks5://ada:secret@", SOCKS_WITH_PASSWORD).await;
    assert_eq!(asked, "\x05\x01\x02\x01\x03ada\x06secret\x05\x01\x00\x03\x0brpc.example\x00\x50");
}

/// The start of the proxy's address, the server's scheme, and how the proxy rejects the connection: in version 5 by
/// rejecting the password, in version 4 by asking for the user's identity.
const REFUSALS: [(&str, &str, Dialogue); 4] = [
    ("socks5h://", "http", &[SOCKS[0], (SOCKS[1].0, b"\x05\x01\x00\x01\0\0\0\0\0\0")]),
    ("socks5h://ada:secret@", "http", &[SOCKS_WITH_PASSWORD[0], (SOCKS_WITH_PASSWORD[1].0, b"\x01\x01")]),
    ("socks4a://", "http", &[(SOCKS4[0].0, b"\0\x5b\0\0\0\0\0\0")]),
    ("http://", "https", &[(CONNECT[0].0, b"HTTP/1.1 407 Proxy Authentication Required\r\n\r\n")]),
];

#[cfg(target_os = "linux")]
#[tokio::test]
async fn what_a_proxy_does_not_let_through_was_not_sent() {
    let authority = Authority::new();
    let trusted = Trusted::new(&authority, "refusals");
    let nobody = SocketAddr::from(([127, 0, 0, 1], 1));
    for (scheme_and_user, server, dialogue) in REFUSALS {
        let proxy = Tunnels::start(nobody, dialogue).await;
        let url = format!("{scheme_and_user}{}", proxy.addr);
        let envs = [("ALL_PROXY", &*url), (REFUSED, "1"), ("SSL_CERT_FILE", trusted.0.to_str().unwrap())];
        call(&format!("{server}://rpc.example"), &envs).await;
        assert!(!proxy.asked().is_empty());
    }
}
