//! Reads certificates and keys as PEM, from files or memory. Errors never quote the text.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::Error;
use super::error::{TlsErrorReason, TlsMaterial};

/// The source of PEM text.
#[derive(Clone)]
pub(super) enum Pem {
    File(PathBuf),
    Bytes(Arc<[u8]>),
}

impl Pem {
    pub(super) fn bytes(bytes: &[u8]) -> Self {
        Self::Bytes(bytes.into())
    }

    pub(super) fn path(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            Self::Bytes(_) => None,
        }
    }

    /// Returns an error about this source.
    pub(super) fn error(&self, what: TlsMaterial, reason: TlsErrorReason) -> Error {
        Error::new(what, self.path(), reason)
    }

    /// Reads all certificates. There must be at least one.
    pub(super) fn certificates(&self, what: TlsMaterial) -> Result<Vec<CertificateDer<'static>>, Error> {
        let text = self.read(what)?;
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
        let certificates = certificates.map_err(|error| self.error(what, malformed(&error)))?;
        if certificates.is_empty() {
            return Err(self.error(what, TlsErrorReason::Malformed("there is no certificate in it")));
        }
        Ok(certificates)
    }

    /// Reads the first private key.
    pub(super) fn key(&self) -> Result<PrivateKeyDer<'static>, Error> {
        let text = self.read(TlsMaterial::Key)?;
        PrivateKeyDer::from_pem_slice(&text).map_err(|error| {
            let reason = match error {
                pem::Error::NoItemsFound => {
                    TlsErrorReason::Malformed("there is no private key in it, or only one that is encrypted")
                }
                error => malformed(&error),
            };
            self.error(TlsMaterial::Key, reason)
        })
    }

    fn read(&self, what: TlsMaterial) -> Result<Arc<[u8]>, Error> {
        match self {
            Self::File(path) => match std::fs::read(path) {
                Ok(text) => Ok(text.into()),
                Err(error) => Err(self.error(what, TlsErrorReason::Read(error))),
            },
            Self::Bytes(bytes) => Ok(Arc::clone(bytes)),
        }
    }
}

/// Describes the error in PEM text. The original error is dropped, since it quotes the text, which may be a key.
fn malformed(error: &pem::Error) -> TlsErrorReason {
    TlsErrorReason::Malformed(match error {
        pem::Error::MissingSectionEnd { .. } => "a PEM section has no end",
        pem::Error::IllegalSectionStart { .. } => "a PEM section begins with a line that is no such",
        pem::Error::Base64Decode(_) => "a PEM section is not base64",
        _ => "it is not PEM text",
    })
}

impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => path.fmt(f),
            // The bytes may be a key.
            Self::Bytes(_) => f.write_str("from memory"),
        }
    }
}
