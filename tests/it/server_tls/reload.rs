//! Certificates that change while the server runs.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rpc::tls::Tls;
use rustls::HandshakeKind;
use rustls::pki_types::CertificateDer;
use tracing::Level;

use super::log::Log;
use super::{Raw, client, result, start};
use crate::tls::{Authority, Issued};

/// A directory like that of a Kubernetes secret: each version has its own directory, and a symbolic link leads to the
/// newest one.
struct Secret {
    directory: PathBuf,
    version: AtomicU32,
}

impl Secret {
    fn new(authority: &Authority, issued: &Issued) -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("rpc-secret-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let directory = std::env::temp_dir().join(name);
        fs::create_dir(&directory).unwrap();
        for file in ["tls.crt", "tls.key", "ca.crt"] {
            symlink(format!("..data/{file}"), directory.join(file)).unwrap();
        }
        let secret = Self { directory, version: AtomicU32::new(0) };
        secret.write(&issued.certificate.pem(), &issued.key.serialize_pem(), &authority.pem());
        secret
    }

    /// Writes a new version of all files, which replaces the old one at once.
    fn write(&self, certificate: &str, key: &str, authority: &str) {
        let version = format!("..{}", self.version.fetch_add(1, Ordering::Relaxed));
        let directory = self.directory.join(&version);
        fs::create_dir(&directory).unwrap();
        for (file, text) in [("tls.crt", certificate), ("tls.key", key), ("ca.crt", authority)] {
            fs::write(directory.join(file), text).unwrap();
        }
        let next = self.directory.join("..next");
        symlink(version, &next).unwrap();
        fs::rename(next, self.directory.join("..data")).unwrap();
    }

    fn renew(&self, authority: &Authority, issued: &Issued) {
        self.write(&issued.certificate.pem(), &issued.key.serialize_pem(), &authority.pem());
    }

    fn tls(&self) -> Tls {
        Tls::from_pem_files(self.directory.join("tls.crt"), self.directory.join("tls.key")).unwrap()
    }

    fn asking_tls(&self) -> Tls {
        self.tls().client_authorities_file(self.directory.join("ca.crt")).unwrap()
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.directory);
    }
}

fn localhost(authority: &Authority) -> Issued {
    authority.issue(&["localhost"], &[])
}

#[tokio::test]
async fn a_reload_is_for_new_connections_and_the_old_ones_go_on() {
    let authority = Authority::new();
    let (old, new) = (localhost(&authority), localhost(&authority));
    let secret = Secret::new(&authority, &old);
    let tls = secret.tls();
    let addr = start(&tls).await;
    let mut before = Raw::connect(addr, authority.client()).await;
    assert_eq!(before.certificate(), *old.certificate.der());

    secret.renew(&authority, &new);
    assert_eq!(Raw::connect(addr, authority.client()).await.certificate(), *old.certificate.der());
    tls.reload().unwrap();
    let mut after = Raw::connect(addr, authority.client()).await;
    assert_eq!(after.certificate(), *new.certificate.der());
    for connection in [&mut before, &mut after] {
        assert_eq!(connection.call("ping").await, result(r#""pong""#));
    }
}

#[tokio::test]
async fn a_reload_that_fails_says_why_and_keeps_the_old_certificate() {
    let authority = Authority::new();
    let (old, new) = (localhost(&authority), localhost(&authority));
    let secret = Secret::new(&authority, &old);
    let tls = secret.asking_tls();
    let addr = start(&tls).await;
    let (certificate, key) = (new.certificate.pem(), new.key.serialize_pem());
    let broken = [
        (
            (&*certificate, &*old.key.serialize_pem(), &*authority.pem()),
            "tls.key cannot be used: it is not the key of the certificate",
        ),
        ((&certificate[..100], &key, &authority.pem()), "tls.crt cannot be used: a PEM section has no end"),
        ((&certificate, &key[..100], &authority.pem()), "tls.key cannot be used: a PEM section has no end"),
        ((&certificate, &key, ""), "ca.crt cannot be used: there is no certificate in it"),
    ];
    let known = authority.client_with(&authority.issue(&["client"], &[]));
    for ((certificate, key, authorities), said) in broken {
        secret.write(certificate, key, authorities);
        let error = tls.reload().unwrap_err().to_string();
        assert!(error.ends_with(said), "{error}");
        let mut connection = Raw::connect(addr, known.clone()).await;
        assert_eq!(connection.certificate(), *old.certificate.der());
        assert_eq!(connection.call("ping").await, result(r#""pong""#));
    }
    secret.renew(&authority, &new);
    tls.reload().unwrap();
    assert_eq!(Raw::connect(addr, known).await.certificate(), *new.certificate.der());
}

#[tokio::test]
async fn whom_a_reload_does_not_trust_any_more_cannot_come_again() {
    let (authority, next) = (Authority::new(), Authority::new());
    let issued = localhost(&authority);
    let secret = Secret::new(&authority, &issued);
    let tls = secret.asking_tls();
    let addr = start(&tls).await;
    // The client keeps its TLS sessions, and would resume one if the server allows it.
    let known = authority.client_with(&authority.issue(&["client"], &[]));
    let call = async || client(addr, known.clone()).call::<String>("ping", ()).await;
    for _ in 0..3 {
        assert_eq!(call().await.unwrap(), "pong");
    }
    secret.renew(&next, &issued);
    tls.reload().unwrap();
    call().await.unwrap_err();
    let newly_known = authority.client_with(&next.issue(&["client"], &[]));
    assert_eq!(client(addr, newly_known).call::<String>("ping", ()).await.unwrap(), "pong");
}

#[tokio::test]
async fn sessions_are_resumed_only_where_nobody_has_to_say_who_they_are() {
    let authority = Authority::new();
    let secret = Secret::new(&authority, &localhost(&authority));
    for (tls, kind) in [(secret.tls(), HandshakeKind::Resumed), (secret.asking_tls(), HandshakeKind::Full)] {
        let addr = start(&tls).await;
        let config = authority.client_with(&authority.issue(&["client"], &[]));
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let mut connection = Raw::connect(addr, config.clone()).await;
            kinds.push(connection.0.get_ref().1.handshake_kind().unwrap());
            // The data for a session's resumption arrives with the first answer.
            connection.call("ping").await;
        }
        assert_eq!(kinds, [HandshakeKind::Full, kind]);
    }
}

/// Connects repeatedly until the server shows this certificate.
async fn shown(addr: SocketAddr, authority: &Authority, certificate: &CertificateDer<'_>) {
    while Raw::connect(addr, authority.client()).await.certificate() != *certificate {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn files_that_change_are_reloaded_by_a_server_that_watches_them() {
    let authority = Authority::new();
    let (old, new, newest) = (localhost(&authority), localhost(&authority), localhost(&authority));
    let secret = Secret::new(&authority, &old);
    let tls = secret.tls().reload_every(Duration::from_millis(1));
    let addr = start(&tls).await;
    let mut log = Log::begin();
    shown(addr, &authority, old.certificate.der()).await;
    secret.renew(&authority, &new);
    shown(addr, &authority, new.certificate.der()).await;
    log.says(Level::INFO, "certificates were reloaded").await;
    // Unusable files change nothing. The server tries again and continues to watch.
    secret.write("", "", "");
    for _ in 0..3 {
        log.says(Level::ERROR, "certificates cannot be reloaded, the old ones are kept").await;
    }
    shown(addr, &authority, new.certificate.der()).await;
    secret.renew(&authority, &newest);
    shown(addr, &authority, newest.certificate.der()).await;
}

#[tokio::test]
#[should_panic(expected = "files cannot be looked at all the time")]
async fn a_period_of_zero_is_refused() {
    let authority = Authority::new();
    let _ = super::tls_of(&authority).reload_every(Duration::ZERO);
}
