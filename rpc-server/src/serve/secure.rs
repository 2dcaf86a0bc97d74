#[cfg(feature = "tls")]
use crate::tls::Facts;

/// What the requests of a connection are told of how it is secured. Without the feature no connection is.
#[derive(Debug, Default)]
pub(super) struct Secured {
    #[cfg(feature = "tls")]
    facts: Option<Box<Facts>>,
}

impl Secured {
    #[cfg(feature = "tls")]
    pub(super) fn of(facts: Facts) -> Self {
        Self { facts: Some(Box::new(facts)) }
    }

    /// Tells a request of it.
    #[cfg_attr(
        not(feature = "tls"),
        expect(clippy::unused_self, unused_variables, reason = "there is nothing to tell")
    )]
    pub(super) fn tell<B>(&self, request: &mut http::Request<B>) {
        #[cfg(feature = "tls")]
        if let Some(facts) = &self.facts {
            facts.tell(request.extensions_mut());
        }
    }
}
