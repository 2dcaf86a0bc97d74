//! [`Principal`]: the authenticated caller of a request, with roles and claims. Authentication makes it; handlers, role
//! checks, idempotency keys and rate limits use it.

use std::any::Any;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use crate::contain::CatchDropPanic;

/// The authenticated caller: a subject and its roles.
///
/// Handlers get it from [`Context::principal`](crate::Context::principal). Cloning is cheap.
///
/// # Example
///
/// ```
/// use rpc::Principal;
///
/// let ada = Principal::new("ada").with_role("admin");
/// assert_eq!(ada.subject(), "ada");
/// assert!(ada.has_role("admin") && !ada.has_role("owner"));
///
/// struct Tenant(u64);
/// let ada = ada.with_claims(Tenant(7));
/// assert_eq!(ada.claims::<Tenant>().unwrap().0, 7);
/// ```
#[derive(Clone)]
pub struct Principal(Arc<PrincipalInner>);

#[derive(Clone)]
struct PrincipalInner {
    subject: Box<str>,
    roles: BTreeSet<Box<str>>,
    /// A `CatchDropPanic<T>`, because requests drop it.
    claims: Option<Arc<dyn Any + Send + Sync>>,
}

impl Principal {
    /// Makes a principal without roles. The subject must be the same for the same caller, whatever token the caller
    /// presents: idempotency keys and limits belong to it.
    ///
    /// An empty subject is invalid: if authentication returns one, the server refuses the request with HTTP 401.
    pub fn new(subject: impl Into<Box<str>>) -> Self {
        Self(Arc::new(PrincipalInner { subject: subject.into(), roles: BTreeSet::new(), claims: None }))
    }

    /// Adds a role. Methods name the roles that they require.
    #[must_use]
    pub fn with_role(mut self, role: impl Into<Box<str>>) -> Self {
        Arc::make_mut(&mut self.0).roles.insert(role.into());
        self
    }

    /// Adds further data that authentication has about the caller, as a type of your own. It replaces earlier claims.
    ///
    /// Claims are dropped with the last clone of the principal. A panic in their drop harms no call.
    #[must_use]
    pub fn with_claims<T: Send + Sync + 'static>(mut self, claims: T) -> Self {
        Arc::make_mut(&mut self.0).claims = Some(Arc::new(CatchDropPanic::new(claims)));
        self
    }

    /// Returns the claims, if they have this type.
    pub fn claims<T: 'static>(&self) -> Option<&T> {
        self.0.claims.as_ref()?.downcast_ref::<CatchDropPanic<T>>()?.get()
    }

    /// Returns the subject.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// Returns whether the subject is not empty.
    #[doc(hidden)]
    pub fn is_somebody(&self) -> bool {
        !self.0.subject.is_empty()
    }

    /// Returns the roles, in alphabetical order.
    pub fn roles(&self) -> impl Iterator<Item = &str> {
        self.0.roles.iter().map(|role| &**role)
    }

    /// Returns whether the principal has a role.
    pub fn has_role(&self, role: &str) -> bool {
        self.0.roles.contains(role)
    }
}

/// Compares subjects and roles. Claims may have a type without equality.
impl PartialEq for Principal {
    fn eq(&self, other: &Self) -> bool {
        self.0.subject == other.0.subject && self.0.roles == other.0.roles
    }
}

impl Eq for Principal {}

impl fmt::Debug for Principal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Principal").field("subject", &self.0.subject).field("roles", &self.0.roles).finish()
    }
}
