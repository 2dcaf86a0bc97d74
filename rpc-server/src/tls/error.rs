//! [`Error`]: why a certificate, key or configuration cannot be used. It names the file but never quotes its contents.

use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use rustls::server::VerifierBuilderError;

/// Why certificates or keys cannot be used: which file, and what is wrong with it. It never contains parts of a key.
#[derive(Debug)]
pub struct Error {
    inner: Box<TlsErrorInner>,
}

#[derive(Debug)]
struct TlsErrorInner {
    what: TlsMaterial,
    file: Option<PathBuf>,
    reason: TlsErrorReason,
}

/// The part that cannot be used.
#[derive(Clone, Copy, Debug)]
pub(super) enum TlsMaterial {
    Certificate,
    Key,
    Authorities,
    Configuration,
}

#[derive(Debug)]
pub(super) enum TlsErrorReason {
    Read(io::Error),
    Malformed(&'static str),
    Refused(&'static str, rustls::Error),
    Verifier(VerifierBuilderError),
}

impl Error {
    pub(super) fn new(what: TlsMaterial, file: Option<&Path>, reason: TlsErrorReason) -> Self {
        Self { inner: Box::new(TlsErrorInner { what, file: file.map(Path::to_owned), reason }) }
    }

    pub(super) fn own_configuration() -> Self {
        let reason = "whom it trusts is said where rustls's configuration is made";
        Self::new(TlsMaterial::Configuration, None, TlsErrorReason::Malformed(reason))
    }

    /// Returns the file that cannot be used, or `None` for parts from memory.
    pub fn path(&self) -> Option<&Path> {
        self.inner.file.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let TlsErrorInner { what, file, reason } = &*self.inner;
        f.write_str(match what {
            TlsMaterial::Certificate => "certificate",
            TlsMaterial::Key => "private key",
            TlsMaterial::Authorities => "authorities of clients",
            TlsMaterial::Configuration => "configuration of TLS",
        })?;
        if let Some(file) = file {
            write!(f, " in {}", file.display())?;
        }
        f.write_str(" cannot be used: ")?;
        f.write_str(match reason {
            TlsErrorReason::Read(_) => "the file cannot be read",
            TlsErrorReason::Malformed(reason) | TlsErrorReason::Refused(reason, _) => reason,
            TlsErrorReason::Verifier(_) => "clients cannot be checked with them",
        })
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.inner.reason {
            TlsErrorReason::Read(error) => Some(error),
            TlsErrorReason::Malformed(_) => None,
            TlsErrorReason::Refused(_, error) => Some(error),
            TlsErrorReason::Verifier(error) => Some(error),
        }
    }
}
