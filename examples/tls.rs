//! A server that terminates TLS itself. Clients identify themselves by certificates, and the server's certificate is
//! renewed while it runs.
//!
//! Run with: cargo run --example tls --features server-tls

use std::error::Error;
use std::fs;
use std::path::Path;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, SanType};
use rpc::tls::{PeerIdentity, Tls};
use rpc::{Client, Context, Server};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

type Authority = CertifiedIssuer<'static, KeyPair>;

/// Returns the caller's SPIFFE id, which its certificate contains.
async fn whoami(cx: Context) -> Option<String> {
    let peer = cx.extensions().get::<PeerIdentity>()?;
    peer.spiffe_id().map(str::to_owned)
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // In production, an authority such as cert-manager writes and renews these files.
    let authority = authority()?;
    let directory = std::env::temp_dir().join(format!("rpc-example-tls-{}", std::process::id()));
    fs::create_dir_all(&directory)?;
    let (certificate, key, ca) = (directory.join("tls.crt"), directory.join("tls.key"), directory.join("ca.crt"));
    fs::write(&ca, authority.pem())?;
    issue(&authority, SanType::DnsName("localhost".try_into()?), &certificate, &key)?;

    // Clients need a certificate of this authority. `tls.reload_every(..)` would reload changed files.
    let tls = Tls::from_pem_files(&certificate, &key)?.client_authorities_file(&ca)?;
    let server = Server::builder().method("whoami", whoami).tls(tls.clone()).build();
    let server = server.bind("127.0.0.1:0").await?.spawn();
    let url = format!("https://localhost:{}", server.local_addr().port());

    // The client trusts the same authority, and has its own certificate and key.
    let (client_certificate, client_key) = (directory.join("client.crt"), directory.join("client.key"));
    let name = SanType::URI("spiffe://example.org/billing".try_into()?);
    issue(&authority, name, &client_certificate, &client_key)?;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(&ca)?)?;
    let trusting = || ClientConfig::builder().with_root_certificates(roots.clone());
    let chain = vec![CertificateDer::from_pem_file(&client_certificate)?];
    let known = trusting().with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(&client_key)?)?;
    let client = Client::builder().endpoint(&url).tls_config(known.clone()).build()?;

    let name: Option<String> = client.call("whoami", ()).await?;
    println!("the server knows us as {name:?}");
    assert_eq!(name.as_deref(), Some("spiffe://example.org/billing"));

    // The server rejects clients without a certificate.
    let stranger = Client::builder().endpoint(&url).tls_config(trusting().with_no_client_auth()).build()?;
    let refused = stranger.call::<Option<String>>("whoami", ()).await.map_err(|error| error.to_string());
    println!("a stranger is told: {refused:?}");
    assert!(refused.is_err());

    // A failed reload is an error, and the server keeps its certificate. A successful one applies to new connections.
    fs::write(&certificate, "not a certificate")?;
    let broken = tls.reload().expect_err("this is no certificate");
    println!("a broken renewal: {broken}");
    issue(&authority, SanType::DnsName("localhost".try_into()?), &certificate, &key)?;
    tls.reload()?;
    let newcomer = Client::builder().endpoint(&url).tls_config(known).build()?;
    for client in [client, newcomer] {
        assert!(client.call::<Option<String>>("whoami", ()).await?.is_some());
    }

    server.shutdown().await;
    fs::remove_dir_all(directory)?;
    Ok(())
}

fn authority() -> Result<Authority, rcgen::Error> {
    let mut params = CertificateParams::new([])?;
    params.distinguished_name.push(DnType::CommonName, "Example authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate()?)
}

/// Writes a new certificate with this name, and its key.
fn issue(authority: &Authority, name: SanType, certificate: &Path, key: &Path) -> Result<(), Box<dyn Error>> {
    let (mut params, pair) = (CertificateParams::new([])?, KeyPair::generate()?);
    params.subject_alt_names = vec![name];
    fs::write(certificate, params.signed_by(&pair, authority)?.pem())?;
    fs::write(key, pair.serialize_pem())?;
    Ok(())
}
