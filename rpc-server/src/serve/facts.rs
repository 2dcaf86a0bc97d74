//! What requests learn about their connection through their extensions: TLS facts, and the server's [`Lifecycle`] for
//! routes.

use http::Extensions;

use super::lifecycle::Lifecycle;
#[cfg(feature = "tls")]
use crate::tls::Facts;

/// What the requests of one connection are told of it in their extensions.
#[derive(Debug, Default)]
pub(super) struct ConnectionFacts {
    /// How it is secured. Without the feature no connection is.
    #[cfg(feature = "tls")]
    secured: Option<Box<Facts>>,
    /// Where its server is in its life, if there are routes to be told.
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

    /// Adds what a handshake has found.
    #[cfg(feature = "tls")]
    pub(super) fn secured(self, facts: Facts) -> Self {
        Self { secured: Some(Box::new(facts)), ..self }
    }

    /// Tells a request how its connection is secured.
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

    /// Tells a request to a route where the server is in its life.
    pub(super) fn tell_route(&self, extensions: &mut Extensions) {
        if let Some(lifecycle) = &self.lifecycle {
            extensions.insert(lifecycle.clone());
        }
    }
}
