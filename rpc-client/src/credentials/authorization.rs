//! The credential of one delivery. [`Authorization`] adds it to the headers of each attempt, unless the call has its
//! own, and renews it once if the server rejects it.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName};

use super::CredentialCache;
use crate::failure::Failure;
use crate::runtime::Instant;

/// The credentials of one delivery.
#[derive(Default)]
pub(crate) struct Authorization {
    used: Option<UsedCredential>,
    /// Whether they were rejected and renewed, which happens once.
    renewed: bool,
}

/// A credential that was sent with an attempt.
struct UsedCredential {
    name: HeaderName,
    number: u64,
}

impl Authorization {
    /// Adds the client's credential to the headers of a call, unless the call has one of its own.
    pub(crate) async fn apply(
        &mut self,
        credentials: &CredentialCache,
        headers: &mut Option<Box<HeaderMap>>,
        until: Instant,
    ) -> Result<(), Failure> {
        if self.is_own(&AUTHORIZATION, headers.as_deref()) {
            return Ok(());
        }
        let held = credentials.get(until).await?;
        if self.is_own(&held.name, headers.as_deref()) {
            return Ok(());
        }
        let headers = headers.get_or_insert_default();
        if let Some(used) = &self.used {
            headers.remove(&used.name);
        }
        headers.insert(held.name.clone(), held.value);
        self.used = Some(UsedCredential { name: held.name, number: held.number });
        Ok(())
    }

    /// Removes the client's credential from a copy of the call's headers.
    pub(crate) fn remove_from(&self, headers: Option<&mut HeaderMap>) {
        if let (Some(used), Some(headers)) = (&self.used, headers) {
            headers.remove(&used.name);
        }
    }

    /// Returns whether the call has this header of its own.
    fn is_own(&self, name: &HeaderName, headers: Option<&HeaderMap>) -> bool {
        let has = headers.is_some_and(|headers| headers.contains_key(name));
        has && self.used.as_ref().is_none_or(|used| used.name != *name)
    }

    /// Returns whether a call that was rejected because of its credential can be sent again with another one.
    pub(crate) fn may_renew(&self, credentials: &CredentialCache) -> bool {
        !self.renewed && self.used.as_ref().is_some_and(|used| credentials.may_renew(used.number))
    }

    /// Notes that the credential was rejected, so that the next attempt has another one.
    pub(crate) fn renew(&mut self, credentials: &CredentialCache) {
        self.renewed = true;
        if let Some(used) = &self.used {
            credentials.forget(used.number);
        }
    }
}
