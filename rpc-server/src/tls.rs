//! TLS for standalone servers, with rustls: certificates that can be reloaded, and client certificates.
//!
//! Pass a [`Tls`] to [`ServerBuilder::tls`](crate::ServerBuilder::tls). Handlers find facts about the connection in
//! [`Context::extensions`](rpc_core::Context::extensions): a [`TlsInfo`], and a [`PeerIdentity`] if the client has
//! shown a certificate.

mod accept;
mod error;
mod identity;
mod info;
mod patience;
mod pem;
mod source;
mod stamps;
mod watch;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;

pub(crate) use accept::Facts;
pub use error::Error;
pub use identity::PeerIdentity;
pub use info::TlsInfo;
use pem::Pem;
use source::{Files, Source};
use stamps::Stamps;

/// Holds a server's certificate and key, and whose certificates of clients it trusts.
///
/// Speaks TLS 1.2 and 1.3 as rustls deems safe, with aws-lc, and offers HTTP/2 and HTTP/1.1 by ALPN. Cloning is cheap,
/// and clones are one: a [`reload`](Self::reload) of one is a reload of all, for the connections that come from then
/// on. Those that stand go on.
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
    shared: Arc<Shared>,
    reload_every: Option<Duration>,
}

struct Shared {
    source: Source,
    current: RwLock<Arc<ServerConfig>>,
    /// How the files looked before they were last read. It is held while they are read, so that of two who reload at
    /// once the slower one cannot bring back what is older.
    stamps: Mutex<Stamps>,
}

impl Tls {
    /// Reads a chain of certificates, the server's own first, and its private key (PKCS #8, PKCS #1 or SEC 1, not
    /// encrypted).
    ///
    /// # Errors
    ///
    /// If a file cannot be read, is not what it should be, or the key is not that of the certificate.
    pub fn from_pem_files(certificate: impl Into<PathBuf>, key: impl Into<PathBuf>) -> Result<Self, Error> {
        Self::load(Files::new(Pem::File(certificate.into()), Pem::File(key.into())))
    }

    /// Takes a chain of certificates and a private key as [`from_pem_files`](Self::from_pem_files) does, from memory.
    ///
    /// # Errors
    ///
    /// If either is not what it should be, or the key is not that of the certificate.
    pub fn from_pem(certificate: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Result<Self, Error> {
        Self::load(Files::new(Pem::bytes(certificate.as_ref()), Pem::bytes(key.as_ref())))
    }

    /// Takes a configuration of rustls 0.23, for what this type has no methods for: a certificate for each name, lists
    /// of what is revoked, another provider of cryptography.
    ///
    /// Where it offers no protocols by ALPN, it will offer HTTP/2 and HTTP/1.1. Nothing of it is ever reloaded; a
    /// `ResolvesServerCert` of your own can bring new certificates.
    pub fn from_config(config: Arc<ServerConfig>) -> Self {
        Self::serving(Source::Own, source::with_protocols(config), Stamps::default())
    }

    /// Takes only clients that show a certificate of one of these authorities. Handlers find a [`PeerIdentity`].
    ///
    /// The file is reloaded with the others. TLS sessions are not resumed then, so that certificates are looked at
    /// whenever a client connects.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or holds anything but certificates of authorities, or if this is a configuration of
    /// one's own.
    pub fn client_authorities_file(self, authorities: impl Into<PathBuf>) -> Result<Self, Error> {
        self.with_authorities(Pem::File(authorities.into()))
    }

    /// Takes authorities as [`client_authorities_file`](Self::client_authorities_file) does, from memory.
    ///
    /// # Errors
    ///
    /// If these are not certificates of authorities, or if this is a configuration of one's own.
    pub fn client_authorities(self, authorities: impl AsRef<[u8]>) -> Result<Self, Error> {
        self.with_authorities(Pem::bytes(authorities.as_ref()))
    }

    fn with_authorities(self, authorities: Pem) -> Result<Self, Error> {
        self.changed(|files| files.authorities = Some(authorities))
    }

    /// Takes clients without a certificate as well, and still refuses those whose certificate is not good. For this
    /// there must be authorities.
    ///
    /// # Errors
    ///
    /// If there are none, or if this is a configuration of one's own.
    pub fn client_certificates_optional(self) -> Result<Self, Error> {
        self.changed(|files| files.optional = true)
    }

    fn changed(self, change: impl FnOnce(&mut Files)) -> Result<Self, Error> {
        let Source::Files(files) = &self.shared.source else { return Err(Error::own_configuration()) };
        let mut files = files.clone();
        change(&mut files);
        Ok(Self { reload_every: self.reload_every, ..Self::load(files)? })
    }

    /// Looks every so often whether the files have changed, for as long as a server with this is served, and then
    /// [reloads](Self::reload) them. By default nobody looks.
    ///
    /// A change is seen by a file's time and length, and by where its symbolic links lead, as Kubernetes swaps them
    /// when a secret changes. Where files cannot be reloaded, an error is logged, the old certificate is kept, and they
    /// are tried again after the same time.
    ///
    /// # Panics
    ///
    /// If the period is zero.
    #[must_use]
    #[track_caller]
    pub fn reload_every(mut self, period: Duration) -> Self {
        assert!(!period.is_zero(), "files cannot be looked at all the time");
        self.reload_every = Some(period);
        self
    }

    /// Reads the files once more. What they hold now is for the connections that come from now on; those that stand go
    /// on with what they have. What came from memory stays as it is.
    ///
    /// Blocks its thread while the files are read.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, is not what it should be, or the key is not that of the certificate. Then all stays as
    /// it was.
    pub fn reload(&self) -> Result<(), Error> {
        self.shared.reload_if(|_, _| true).map(drop)
    }

    fn load(files: Files) -> Result<Self, Error> {
        let stamps = files.stamps();
        let config = files.load()?;
        Ok(Self::serving(Source::Files(files), config, stamps))
    }

    fn serving(source: Source, config: Arc<ServerConfig>, stamps: Stamps) -> Self {
        let shared = Shared { source, current: RwLock::new(config), stamps: Mutex::new(stamps) };
        Self { shared: Arc::new(shared), reload_every: None }
    }

    /// Returns what new connections are to be encrypted with.
    fn config(&self) -> Arc<ServerConfig> {
        // Nothing panics while it is locked.
        Arc::clone(&self.shared.current.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Shared {
    /// Reads the files if `is_due` says so of how they looked when they were last read and how they look now. Tells
    /// whether they were read.
    fn reload_if(&self, is_due: impl FnOnce(&Stamps, &Stamps) -> bool) -> Result<bool, Error> {
        let Source::Files(files) = &self.source else { return Ok(false) };
        let mut stamps = self.stamps.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at before they are read: what changes in between is then seen the next time.
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
