//! Addresses with `https`, and a server with a certificate of its own authority.

use std::env;
use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, SanType,
};
use rpc::{Client, ClientBuilder, Failure, Outcome, Server};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use support::{child, serve};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_rustls::TlsAcceptor;

/// The server's port for the child. Only a child has this variable.
const CHILD: &str = "RPC_TEST_TLS_CHILD";

/// An authority that clients and servers can trust.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new([]).unwrap();
        // OpenSSL treats a certificate as self-signed if its authority has the same name.
        params.distinguished_name.push(DnType::CommonName, "authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    pub(crate) fn pem(&self) -> String {
        self.0.pem()
    }

    pub(crate) fn roots(&self) -> Arc<RootCertStore> {
        let mut roots = RootCertStore::empty();
        roots.add(self.0.der().clone()).unwrap();
        Arc::new(roots)
    }

    fn sign(&self, name: &str) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        self.issue(&[name], &[]).identity()
    }

    /// Issues a certificate with these host names and URIs.
    pub(crate) fn issue(&self, names: &[&str], uris: &[&str]) -> Issued {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names.iter().copied().map(str::to_owned).collect::<Vec<_>>()).unwrap();
        params.subject_alt_names.extend(uris.iter().map(|uri| SanType::URI((*uri).try_into().unwrap())));
        params.use_authority_key_identifier_extension = true;
        Issued { certificate: params.signed_by(&key, &self.0).unwrap(), key }
    }

    /// Builds the configuration of a server with a certificate for this name.
    pub(crate) fn server(&self, name: &str) -> ServerConfig {
        let (chain, key) = self.sign(name);
        ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap()
    }

    /// Builds the configuration of a server that asks for client certificates.
    fn asking_server(&self) -> ServerConfig {
        let (chain, key) = self.sign("localhost");
        let verifier = WebPkiClientVerifier::builder(self.roots()).build().unwrap();
        ServerConfig::builder().with_client_cert_verifier(verifier).with_single_cert(chain, key).unwrap()
    }

    pub(crate) fn client(&self) -> ClientConfig {
        ClientConfig::builder().with_root_certificates(self.roots()).with_no_client_auth()
    }

    fn known_client(&self) -> ClientConfig {
        self.client_with(&self.issue(&["client"], &[]))
    }

    /// Builds the configuration of a client that trusts this authority and shows a certificate of any authority.
    pub(crate) fn client_with(&self, issued: &Issued) -> ClientConfig {
        let (chain, key) = issued.identity();
        ClientConfig::builder().with_root_certificates(self.roots()).with_client_auth_cert(chain, key).unwrap()
    }
}

/// A certificate with its key.
pub(crate) struct Issued {
    pub(crate) certificate: Certificate,
    pub(crate) key: KeyPair,
}

impl Issued {
    fn identity(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        let key = PrivateKeyDer::try_from(self.key.serialize_der()).unwrap();
        (vec![self.certificate.der().clone()], key)
    }
}

/// A proxy that decrypts connections and forwards them to a server.
pub(crate) struct TlsServer {
    pub(crate) addr: SocketAddr,
    /// The negotiated protocol of each connection.
    protocols: mpsc::UnboundedReceiver<Option<Vec<u8>>>,
}

impl TlsServer {
    /// Starts a server that has a certificate for this name and offers these protocols.
    pub(crate) async fn named(authority: &Authority, name: &str, protocols: &[&str]) -> Self {
        Self::start(authority.server(name), protocols).await
    }

    /// Starts to decrypt for the server or proxy at this address.
    pub(crate) async fn before(plain: SocketAddr, authority: &Authority, name: &str) -> Self {
        Self::start_before(plain, authority.server(name), &["http/1.1"]).await
    }

    async fn start(config: ServerConfig, protocols: &[&str]) -> Self {
        let server = Server::builder().method("ping", || async { "pong" }).build();
        Self::start_before(serve(&server).await, config, protocols).await
    }

    async fn start_before(server: SocketAddr, mut config: ServerConfig, protocols: &[&str]) -> Self {
        config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let (agreed, protocols) = mpsc::unbounded_channel();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (acceptor, agreed) = (acceptor.clone(), agreed.clone());
                tokio::spawn(async move {
                    // Clients that do not trust the server disconnect here.
                    let Ok(mut stream) = acceptor.accept(stream).await else { return };
                    agreed.send(stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec)).unwrap();
                    let mut server = TcpStream::connect(server).await.unwrap();
                    let _ = copy_bidirectional(&mut stream, &mut server).await;
                });
            }
        });
        Self { addr, protocols }
    }

    fn client(&self, config: ClientConfig) -> ClientBuilder {
        Client::builder().endpoint(format!("https://localhost:{}", self.addr.port())).tls_config(config)
    }

    /// Returns the protocol of the next connection.
    async fn protocol(&mut self) -> Option<String> {
        self.protocols.recv().await.unwrap().map(|protocol| String::from_utf8(protocol).unwrap())
    }
}

async fn ping(client: ClientBuilder) -> Result<String, Failure> {
    client.build().unwrap().call("ping", ()).await.map_err(|error| match error {
        rpc::Error::Failure(failure) => failure,
        other => panic!("{other:?}"),
    })
}

#[tokio::test]
async fn http2_is_spoken_where_tls_negotiates_it() {
    let authority = Authority::new();
    for (offered, agreed) in [(&["h2", "http/1.1"][..], Some("h2")), (&["http/1.1"], Some("http/1.1")), (&[], None)] {
        let mut server = TlsServer::named(&authority, "localhost", offered).await;
        assert_eq!(ping(server.client(authority.client())).await.unwrap(), "pong", "{offered:?}");
        assert_eq!(server.protocol().await.as_deref(), agreed);
    }
}

#[tokio::test]
async fn prior_knowledge_of_http2_offers_nothing_else() {
    let authority = Authority::new();
    let mut server = TlsServer::named(&authority, "localhost", &["http/1.1", "h2"]).await;
    assert_eq!(ping(server.client(authority.client()).http2_prior_knowledge()).await.unwrap(), "pong");
    assert_eq!(server.protocol().await.unwrap(), "h2");
    let server = TlsServer::named(&authority, "localhost", &["http/1.1"]).await;
    let failure = ping(server.client(authority.client()).http2_prior_knowledge()).await.unwrap_err();
    assert!(failure.is_connect(), "{failure:?}");
}

#[tokio::test]
async fn connections_with_tls_are_kept() {
    let authority = Authority::new();
    for protocol in ["h2", "http/1.1"] {
        let mut server = TlsServer::named(&authority, "localhost", &[protocol]).await;
        let client = server.client(authority.client()).build().unwrap();
        for _ in 0..10 {
            assert_eq!(client.call::<String>("ping", ()).await.unwrap(), "pong");
        }
        assert_eq!(server.protocol().await.unwrap(), protocol);
        assert!(server.protocols.try_recv().is_err(), "{protocol}: there was a second connection");
    }
}

#[tokio::test]
async fn nothing_is_sent_to_a_server_that_is_not_trusted() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let untrusted = TlsServer::named(&stranger, "localhost", &[]).await;
    let misnamed = TlsServer::named(&authority, "elsewhere.example", &[]).await;
    for server in [untrusted, misnamed] {
        let failure = ping(server.client(authority.client())).await.unwrap_err();
        assert!(failure.is_connect(), "{failure:?}");
        assert_eq!(failure.outcome(), Outcome::NotSent);
        assert!(failure.to_string().starts_with("cannot connect to the server at https://localhost:"), "{failure}");
    }
}

#[tokio::test]
async fn a_server_without_tls_is_not_spoken_to_in_plain_text() {
    let server = Server::builder().method("ping", || async { "pong" }).build();
    let url = format!("https://localhost:{}", serve(&server).await.port());
    let failure = ping(Client::builder().endpoint(&url).tls_config(Authority::new().client())).await.unwrap_err();
    assert!(failure.is_connect(), "{failure:?}");
    assert_eq!(failure.to_string(), format!("cannot connect to the server at {url}"));
    assert_eq!(failure.outcome(), Outcome::NotSent);
}

#[tokio::test]
async fn a_client_may_show_a_certificate() {
    let authority = Authority::new();
    let server = TlsServer::start(authority.asking_server(), &["h2", "http/1.1"]).await;
    assert_eq!(ping(server.client(authority.known_client())).await.unwrap(), "pong");
    assert!(ping(server.client(authority.client())).await.is_err());
}

#[tokio::test]
async fn keys_are_not_printed() {
    let builder = Client::builder().tls_config(Authority::new().known_client());
    let printed = format!("{builder:?}");
    assert!(printed.contains("TlsSettings::Own") && !printed.contains("Key"), "{printed}");
}

#[tokio::test]
#[ignore = "is the child process of the other test here, which starts it"]
async fn child() {
    let Ok(port) = env::var(CHILD) else { return };
    let client = Client::new(format!("https://localhost:{port}")).unwrap();
    assert_eq!(client.call::<String>("ping", ()).await.unwrap(), "pong");
}

/// On Linux, an environment variable sets the platform's trusted authorities.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn whom_the_platform_trusts_is_trusted_by_default() {
    let authority = Authority::new();
    let mut server = TlsServer::named(&authority, "localhost", &["h2"]).await;
    let file = env::temp_dir().join(format!("rpc-test-authority-{}.pem", std::process::id()));
    std::fs::write(&file, authority.pem()).unwrap();
    let mut command = child::command(module_path!(), "child");
    command.env(CHILD, server.addr.port().to_string()).env("SSL_CERT_FILE", &file);
    child::run(command).await;
    std::fs::remove_file(&file).unwrap();
    assert_eq!(server.protocol().await.unwrap(), "h2");
}
