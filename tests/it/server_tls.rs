//! A standalone server that terminates TLS itself.

mod clients;
mod curl;
mod errors;
mod handshakes;
mod log;
#[cfg(unix)]
mod reload;
mod shutdown;

use std::net::SocketAddr;
use std::sync::Arc;

use rpc::tls::{PeerIdentity, Tls, TlsInfo};
use rpc::{Client, ClientBuilder, Context, Outcome, Retry, Server, ServerBuilder};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ServerConfig};
use serde_json::{Value, json};
use support::raw_http::post;
use support::serve;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::tls::{Authority, Issued};

/// Configures a server with this certificate.
fn tls(issued: &Issued) -> Tls {
    Tls::from_pem(issued.certificate.pem(), issued.key.serialize_pem()).unwrap()
}

/// Configures a server with a new certificate of this authority.
fn tls_of(authority: &Authority) -> Tls {
    tls(&authority.issue(&["localhost"], &[]))
}

/// Builds a server whose methods return what it knows about a call's connection.
fn builder() -> ServerBuilder {
    Server::builder().method("ping", || async { "pong" }).method("connection", connection).method("peer", peer)
}

/// Returns the version of TLS and the protocol that ALPN selected, if the connection is encrypted.
async fn connection(cx: Context) -> Option<(String, Option<String>)> {
    let info = cx.extensions().get::<TlsInfo>()?;
    Some((info.protocol_version().to_owned(), info.alpn().map(str::to_owned)))
}

/// Returns the names in the caller's certificate, if it has shown one.
async fn peer(cx: Context) -> Option<Vec<String>> {
    let peer = cx.extensions().get::<PeerIdentity>()?;
    Some(peer.dns_names().chain(peer.uri_names()).map(str::to_owned).collect())
}

async fn start(tls: &Tls) -> SocketAddr {
    serve(&builder().tls(tls.clone()).build()).await
}

/// Returns a client that sends each call once.
fn client(addr: SocketAddr, config: ClientConfig) -> Client {
    client_builder(addr, config).build().unwrap()
}

fn client_builder(addr: SocketAddr, config: ClientConfig) -> ClientBuilder {
    let url = format!("https://localhost:{}", addr.port());
    Client::builder().endpoint(url).tls_config(config).retry(Retry::never())
}

async fn ping(client: &Client) {
    assert_eq!(client.call::<String>("ping", ()).await.unwrap(), "pong");
}

/// An HTTP/1.1 connection over TLS, with access to the layers below.
struct Raw(TlsStream<TcpStream>);

impl Raw {
    async fn connect(addr: SocketAddr, config: ClientConfig) -> Self {
        let stream = TcpStream::connect(addr).await.unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        Self(TlsConnector::from(Arc::new(config)).connect(name, stream).await.unwrap())
    }

    /// Returns the server's certificate.
    fn certificate(&self) -> CertificateDer<'static> {
        self.0.get_ref().1.peer_certificates().unwrap()[0].clone().into_owned()
    }

    async fn send(&mut self, method: &str) {
        let body = format!(r#"{{"jsonrpc":"2.0","method":"{method}","id":1}}"#);
        self.0.write_all(&post(body)).await.unwrap();
    }

    /// Reads to the end of an answer, which is the first closing brace.
    async fn answer(&mut self) -> String {
        let mut answer = Vec::new();
        while !answer.ends_with(b"}") {
            answer.push(self.0.read_u8().await.unwrap());
        }
        let answer = String::from_utf8(answer).unwrap();
        answer.split_once("\r\n\r\n").unwrap().1.to_owned()
    }

    async fn call(&mut self, method: &str) -> String {
        self.send(method).await;
        self.answer().await
    }
}

/// Returns the server's answer to [`Raw::call`].
fn result(result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","result":{result},"id":1}}"#)
}

#[tokio::test]
async fn http2_and_http1_are_offered_and_spoken() {
    let authority = Authority::new();
    let addr = start(&tls_of(&authority)).await;
    let spoken: Value = client(addr, authority.client()).call("connection", ()).await.unwrap();
    assert_eq!(spoken, json!(["1.3", "h2"]));
    for (offered, spoken) in [(&["http/1.1"][..], r#"["1.3","http/1.1"]"#), (&[], r#"["1.3",null]"#)] {
        let mut config = authority.client();
        config.alpn_protocols = offered.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        assert_eq!(Raw::connect(addr, config).await.call("connection").await, result(spoken));
    }
}

#[tokio::test]
async fn tls_1_2_is_spoken_where_the_client_knows_no_other() {
    let authority = Authority::new();
    let addr = start(&tls_of(&authority)).await;
    let old = ClientConfig::builder_with_protocol_versions(&[&rustls::version::TLS12]);
    let config = old.with_root_certificates(authority.roots()).with_no_client_auth();
    let spoken: Value = client(addr, config).call("connection", ()).await.unwrap();
    assert_eq!(spoken, json!(["1.2", "h2"]));
}

#[tokio::test]
async fn a_configuration_of_ones_own_is_offered_our_protocols_unless_it_has_some() {
    let authority = Authority::new();
    for (own, spoken) in [(None, "h2"), (Some("http/1.1"), "http/1.1")] {
        let mut config: ServerConfig = authority.server("localhost");
        config.alpn_protocols = own.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let tls = Tls::from_config(Arc::new(config));
        tls.reload().unwrap();
        let found: Value = client(start(&tls).await, authority.client()).call("connection", ()).await.unwrap();
        assert_eq!(found, json!(["1.3", spoken]));
    }
}

#[tokio::test]
async fn batches_and_many_calls_at_once_go_through_one_encrypted_connection() {
    let authority = Authority::new();
    let client = client(start(&tls_of(&authority)).await, authority.client());
    let batch = client.batch((client.call::<String>("ping", ()), client.call::<Value>("peer", ()))).await.unwrap();
    assert_eq!((batch.0.unwrap(), batch.1.unwrap()), ("pong".to_owned(), Value::Null));
    futures_util::future::join_all((0..100).map(|_| ping(&client))).await;
}

#[tokio::test]
async fn a_server_of_a_foreign_authority_is_sent_nothing() {
    let addr = start(&tls_of(&Authority::new())).await;
    let error = client(addr, Authority::new().client()).call::<Value>("ping", ()).await.unwrap_err();
    assert!(error.is_connect(), "{error:?}");
    let rpc::Error::Failure(failure) = error else { panic!("{error:?}") };
    assert_eq!(failure.outcome(), Outcome::NotSent);
}

#[tokio::test]
async fn a_listener_without_tls_serves_the_same_server_in_plain_text() {
    let authority = Authority::new();
    let server = builder().tls(tls_of(&authority)).build();
    let plain = server.bind("127.0.0.1:0").await.unwrap().without_tls().spawn();
    ping(&client(serve(&server).await, authority.client())).await;
    let plain = Client::new(format!("http://{}", plain.local_addr())).unwrap();
    ping(&plain).await;
    assert_eq!(plain.call::<Value>("connection", ()).await.unwrap(), Value::Null);
}

#[tokio::test]
async fn neither_a_router_nor_calls_in_process_need_tls() {
    let server = builder().tls(tls_of(&Authority::new())).build();
    ping(&Client::in_process(&server)).await;
    let addr = support::serve_app(server.into_router()).await;
    ping(&Client::new(format!("http://{addr}")).unwrap()).await;
}
