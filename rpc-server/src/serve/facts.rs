//! Facts about a connection that its requests carry in their extensions: TLS facts, and the server's [`Lifecycle`] for
//! routes.

use http::Extensions;

use super::lifecycle::Lifecycle;
#[cfg(feature = "tls")]
use crate::tls::TlsFacts;

/// Facts about one connection, for the extensions of its requests.
#[derive(Debug, Default)]
pub(super) struct ConnectionFacts {
    /// The TLS facts. Without the feature no connection has any.
    #[cfg(feature = "tls")]
    secured: Option<Box<TlsFacts>>,
    /// The lifecycle of the server, if it has routes.
    lifecycle: Option<Lifecycle>,
}

impl ConnectionFacts {
    pub(super) fn new(lifecycle: Option<Lifecycle>) -> Self {
        Self {
            #[cfg(feature = "tls")]
            secured: None,
            lifecycle,
        }
    }

    /// Adds the facts that a handshake has found.
    #[cfg(feature = "tls")]
    pub(super) fn secured(self, facts: TlsFacts) -> Self {
        Self { secured: Some(Box::new(facts)), ..self }
    }

    /// Adds the TLS facts to a request's extensions.
    #[cfg_attr(
        not(feature = "tls"),
        expect(clippy::unused_self, unused_variables, reason = "there is nothing to tell")
    )]
    pub(super) fn tell<B>(&self, request: &mut http::Request<B>) {
        #[cfg(feature = "tls")]
        if let Some(facts) = &self.secured {
            facts.tell(request.extensions_mut());
        }
    }

    /// Adds the server's lifecycle to the extensions of a request to a route.
    pub(super) fn tell_route(&self, extensions: &mut Extensions) {
        if let Some(lifecycle) = &self.lifecycle {
            extensions.insert(lifecycle.clone());
        }
    }
}
