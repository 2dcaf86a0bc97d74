//! [`Error`]: why a certificate, key or configuration cannot be used. It names the file but never quotes its contents.

use std::error::Error as StdError;
use std::path::{Path, PathBuf};
use std::{fmt, io};

use rustls::server::VerifierBuilderError;

/// Why certificates or keys cannot be used: which file, and what is wrong with it. It never contains parts of a key.
#[derive(Debug)]
pub struct Error {
    inner: Box<Inner>,
}

#[derive(Debug)]
struct Inner {
    what: What,
    file: Option<PathBuf>,
    reason: Reason,
}

/// The part that cannot be used.
#[derive(Clone, Copy, Debug)]
pub(super) enum What {
    Certificate,
    Key,
    Authorities,
    Configuration,
}

#[derive(Debug)]
pub(super) enum Reason {
    Read(io::Error),
    Malformed(&'static str),
    Refused(&'static str, rustls::Error),
    Verifier(VerifierBuilderError),
}

impl Error {
    pub(super) fn new(what: What, file: Option<&Path>, reason: Reason) -> Self {
        Self { inner: Box::new(Inner { what, file: file.map(Path::to_owned), reason }) }
    }

    pub(super) fn own_configuration() -> Self {
        let reason = "whom it trusts is said where rustls's configuration is made";
        Self::new(What::Configuration, None, Reason::Malformed(reason))
    }

    /// Returns the file that cannot be used, or `None` for parts from memory.
    pub fn path(&self) -> Option<&Path> {
        self.inner.file.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { what, file, reason } = &*self.inner;
        f.write_str(match what {
            What::Certificate => "certificate",
            What::Key => "private key",
            What::Authorities => "authorities of clients",
            What::Configuration => "configuration of TLS",
        })?;
        if let Some(file) = file {
            write!(f, " in {}", file.display())?;
        }
        f.write_str(" cannot be used: ")?;
        f.write_str(match reason {
            Reason::Read(_) => "the file cannot be read",
            Reason::Malformed(reason) | Reason::Refused(reason, _) => reason,
            Reason::Verifier(_) => "clients cannot be checked with them",
        })
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.inner.reason {
            Reason::Read(error) => Some(error),
            Reason::Malformed(_) => None,
            Reason::Refused(_, error) => Some(error),
            Reason::Verifier(error) => Some(error),
        }
    }
}
