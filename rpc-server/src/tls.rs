//! TLS for standalone servers, with rustls: certificates that can be reloaded, and client certificates.
//!
//! Pass a [`Tls`] to [`ServerBuilder::tls`](crate::ServerBuilder::tls). Handlers find facts about the connection in
//! [`Context::extensions`](rpc_core::Context::extensions): a [`TlsInfo`], and a [`PeerIdentity`] if the client has
//! presented a certificate.

mod accept;
mod certificate_watch;
mod error;
mod identity;
mod info;
mod pem;
mod source;
mod stamps;
mod write_timeout;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;

pub(crate) use accept::TlsFacts;
pub use error::Error;
pub use identity::PeerIdentity;
pub use info::TlsInfo;
use pem::Pem;
use source::{ConfigSource, PemFiles};
use stamps::FileStamps;

/// A server's certificate and key, and the authorities that it trusts for client certificates.
///
/// Speaks TLS 1.2 and 1.3 with rustls's safe defaults and aws-lc, and offers HTTP/2 and HTTP/1.1 by ALPN. Cloning is
/// cheap, and clones share their state: a [`reload`](Self::reload) of one applies to all. It affects new connections
/// only.
///
/// # Example
///
/// ```
/// # mod rpc { pub use ::rpc::*; pub use rpc_server::tls; }
/// use rpc::tls::Tls;
///
/// # let dir = std::env::temp_dir();
/// # let cert = dir.join(format!("{}.crt", std::process::id()));
/// # let key = dir.join(format!("{}.key", std::process::id()));
/// # let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
/// # std::fs::write(&cert, made.cert.pem())?;
/// # std::fs::write(&key, made.signing_key.serialize_pem())?;
/// let tls = Tls::from_pem_files(&cert, &key)?;
/// let server = rpc::Server::builder().method("ping", || async { "pong" }).tls(tls.clone()).build();
///
/// // Later, when the files have changed:
/// tls.reload()?;
/// # std::fs::remove_file(cert)?;
/// # std::fs::remove_file(key)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Tls {
    shared: Arc<TlsInner>,
    reload_every: Option<Duration>,
}

struct TlsInner {
    source: ConfigSource,
    current: RwLock<Arc<ServerConfig>>,
    /// The state of the files before they were last read. The lock is held while they are read. Of two concurrent
    /// reloads, the slower one thus cannot restore an older state.
    stamps: Mutex<FileStamps>,
}

impl Tls {
    /// Reads a certificate chain, the server's own certificate first, and its private key (PKCS #8, PKCS #1 or SEC 1,
    /// not encrypted).
    ///
    /// Blocks its thread while it reads the files.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or is malformed, or the key does not match the certificate.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # mod rpc { pub use ::rpc::*; pub use rpc_server::tls; }
    /// use std::time::Duration;
    ///
    /// use rpc::tls::Tls;
    ///
    /// // Kubernetes mounts a secret as these files, and swaps them when the secret changes.
    /// let tls = Tls::from_pem_files("/etc/tls/tls.crt", "/etc/tls/tls.key")?.reload_every(Duration::from_secs(60));
    /// let server = rpc::Server::builder().method("ping", || async { "pong" }).tls(tls).build();
    /// server.serve("0.0.0.0:8443").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_pem_files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::load(PemFiles::new(Pem::File(certificate.into()), Pem::File(key.into())))
    }

    /// Takes a certificate chain and a private key like [`from_pem_files`](Self::from_pem_files), from memory.
    ///
    /// # Errors
    ///
    /// If either is malformed, or the key does not match the certificate.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # mod rpc { pub use ::rpc::*; pub use rpc_server::tls; }
    /// use rpc::tls::Tls;
    /// use rpc::{Client, Server};
    ///
    /// let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    /// let tls = Tls::from_pem(made.cert.pem(), made.signing_key.serialize_pem())?;
    /// let server = Server::builder().method("ping", || async { "pong" }).tls(tls).build();
    /// let server = server.bind("127.0.0.1:0").await?.spawn();
    ///
    /// // The client trusts this certificate only.
    /// let mut roots = rustls::RootCertStore::empty();
    /// roots.add(made.cert.der().clone())?;
    /// let trust = rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    /// let url = format!("https://localhost:{}", server.local_addr().port());
    /// let client = Client::builder().endpoint(url).tls_config(trust).build()?;
    /// assert_eq!(client.call::<String>("ping", ()).await?, "pong");
    /// # server.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_pem(certificate: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Self, Error> {
        Self::load(PemFiles::new(Pem::bytes(certificate.as_ref()), Pem::bytes(key.as_ref())))
    }

    /// Takes a configuration of rustls 0.23, for features that this type lacks: a certificate for each name, revocation
    /// lists, or another cryptography provider.
    ///
    /// If it offers no protocols by ALPN, the server offers HTTP/2 and HTTP/1.1. It is never reloaded. Your own
    /// `ResolvesServerCert` can provide new certificates.
    ///
    /// # Example
    ///
    /// ```
    /// # mod rpc { pub use ::rpc::*; pub use rpc_server::tls; }
    /// use std::sync::Arc;
    ///
    /// use rpc::tls::Tls;
    /// use rustls::ServerConfig;
    /// use rustls::pki_types::PrivatePkcs8KeyDer;
    ///
    /// let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    /// let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    /// // TLS 1.3 only.
    /// let config = ServerConfig::builder_with_protocol_versions(&[&rustls::version::TLS13])
    ///     .with_no_client_auth()
    ///     .with_single_cert(vec![made.cert.der().clone()], key.into())?;
    /// let tls = Tls::from_config(Arc::new(config));
    ///
    /// // Everything else is up to the configuration.
    /// assert!(tls.client_authorities_file("ca.crt").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn from_config(config: Arc<ServerConfig>) -> Self {
        Self::serving(ConfigSource::Own, source::with_protocols(config), FileStamps::default())
    }

    /// Accepts only clients that present a certificate from one of these authorities. Handlers find a [`PeerIdentity`].
    ///
    /// The file is reloaded with the others. The server then resumes no TLS sessions, so that it verifies the
    /// certificate whenever a client connects. Blocks its thread while it reads the files.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is malformed, or contains a certificate that cannot be used as an authority's. Also
    /// if this was made by [`from_config`](Self::from_config).
    ///
    /// # Example
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # mod rpc { pub use ::rpc::*; pub use rpc_server::tls; }
    /// use rpc::tls::{PeerIdentity, Tls};
    /// use rpc::{Context, Server};
    ///
    /// async fn whoami(cx: Context) -> Option<String> {
    ///     cx.extensions().get::<PeerIdentity>()?.spiffe_id().map(str::to_owned)
    /// }
    ///
    /// let tls = Tls::from_pem_files("tls.crt", "tls.key")?.client_authorities_file("ca.crt")?;
    /// Server::builder().method("whoami", whoami).tls(tls).build().serve("0.0.0.0:8443").await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn client_authorities_file(self, authorities: impl Into<PathBuf>) -> Result<Self, Error> {
        self.with_authorities(Pem::File(authorities.into()))
    }

    /// Takes authorities like [`client_authorities_file`](Self::client_authorities_file), from memory.
    ///
    /// # Errors
    ///
    /// If these are not certificates of authorities, or if this was made by [`from_config`](Self::from_config).
    pub fn client_authorities(self, authorities: impl AsRef<[u8]>) -> Result<Self, Error> {
        self.with_authorities(Pem::bytes(authorities.as_ref()))
    }

    fn with_authorities(self, authorities: Pem) -> Result<Self, Error> {
        self.changed(|files| files.authorities = Some(authorities))
    }

    /// Also accepts clients without a certificate. The server still rejects clients with an invalid one. Call this
    /// after authorities were set.
    ///
    /// # Errors
    ///
    /// If there are no authorities, or if this was made by [`from_config`](Self::from_config).
    pub fn client_certificates_optional(self) -> Result<Self, Error> {
        self.changed(|files| files.optional = true)
    }

    fn changed(self, change: impl FnOnce(&mut PemFiles)) -> Result<Self, Error> {
        let ConfigSource::Files(files) = &self.shared.source else { return Err(Error::own_configuration()) };
        let mut files = files.clone();
        change(&mut files);
        Ok(Self { reload_every: self.reload_every, ..Self::load(files)? })
    }

    /// Checks the files for changes at this interval while a server with this `Tls` serves, and [reloads](Self::reload)
    /// them on a change. Default: never.
    ///
    /// A change is detected by a file's modification time and length, and by the targets of its symbolic links.
    /// Kubernetes swaps these links when a secret changes. If the files cannot be reloaded, the server logs an error,
    /// keeps the old certificate, and tries again after the same interval.
    ///
    /// # Panics
    ///
    /// If the period is zero.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # mod rpc { pub use ::rpc::*; pub use rpc_server::tls; }
    /// use std::time::Duration;
    ///
    /// use rpc::tls::Tls;
    ///
    /// let tls = Tls::from_pem_files("tls.crt", "tls.key")?.reload_every(Duration::from_secs(60));
    /// let server = rpc::Server::builder().method("ping", || async { "pong" }).tls(tls).build();
    /// server.serve("0.0.0.0:8443").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn reload_every(mut self, period: Duration) -> Self {
        assert!(!period.is_zero(), "files cannot be looked at all the time");
        self.reload_every = Some(period);
        self
    }

    /// Reads the files again. New connections use the new contents, and existing connections go on with the old ones.
    /// Parts that came from memory stay the same.
    ///
    /// Blocks its thread while it reads the files.
    ///
    /// # Errors
    ///
    /// If a file cannot be read or is malformed, or the key does not match the certificate. The old configuration stays
    /// in use then.
    pub fn reload(&self) -> Result<(), Error> {
        self.shared.reload_if(|_, _| true).map(drop)
    }

    fn load(files: PemFiles) -> Result<Self, Error> {
        let stamps = files.stamps();
        let config = files.load()?;
        Ok(Self::serving(ConfigSource::Files(files), config, stamps))
    }

    fn serving(source: ConfigSource, config: Arc<ServerConfig>, stamps: FileStamps) -> Self {
        let shared = TlsInner { source, current: RwLock::new(config), stamps: Mutex::new(stamps) };
        Self { shared: Arc::new(shared), reload_every: None }
    }

    /// Returns the rustls configuration for new connections.
    fn config(&self) -> Arc<ServerConfig> {
        // Nothing panics while holding the lock.
        Arc::clone(&self.shared.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl TlsInner {
    /// Reads the files if `is_due` returns true for their state at the last read and their current state. Returns
    /// whether they were read.
    fn reload_if(&self, is_due: impl FnOnce(&FileStamps, &FileStamps) -> bool) -> Result<bool, Error> {
        let ConfigSource::Files(files) = &self.source else { return Ok(false) };
        let mut stamps = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        // Taken before the read, so that a change during the read is detected the next time.
        let found = files.stamps();
        if !is_due(&stamps, &found) {
            return Ok(false);
        }
        let config = files.load()?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
        *stamps = found;
        Ok(true)
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tls").field("source", &self.shared.source).field("reload_every", &self.reload_every).finish()
    }
}
