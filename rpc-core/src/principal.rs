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
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::Principal;
    ///
    /// // Two tokens of one caller, such as those of two devices, have the same subject.
    /// let (phone, laptop) = (Principal::new("user-7"), Principal::new("user-7"));
    /// assert_eq!(phone, laptop);
    /// assert_eq!(phone.subject(), "user-7");
    /// assert_eq!(phone.roles().count(), 0);
    /// ```
    pub fn new(subject: impl Into<Box<str>>) -> Self {
        Self(Arc::new(PrincipalInner { subject: subject.into(), roles: BTreeSet::new(), claims: None }))
    }

    /// Adds a role. Methods name the roles that they require.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::auth::Bearer;
    /// use rpc::{Client, ErrorKind, Principal, Server};
    ///
    /// #[rpc::service(namespace = "board")]
    /// trait Board {
    ///     #[rpc(requires = "admin")]
    ///     async fn clear(&self) -> u64;
    /// }
    /// # struct InMemory;
    /// # impl Board for InMemory {
    /// #     async fn clear(&self) -> u64 { 3 }
    /// # }
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let tokens = Bearer::new()
    ///     .token("ada-7c1f", Principal::new("ada").with_role("admin"))
    ///     .token("bob-93d2", Principal::new("bob"));
    /// let server = Server::builder().authenticate(tokens).service(BoardServer::new(InMemory)).build();
    /// let client = BoardClient::new(Client::in_process(&server));
    /// assert_eq!(client.clear().header("authorization", "Bearer ada-7c1f").await?, 3);
    /// let error = client.clear().header("authorization", "Bearer bob-93d2").await.unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Authorization);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn with_role(mut self, role: impl Into<Box<str>>) -> Self {
        Arc::make_mut(&mut self.0).roles.insert(role.into());
        self
    }

    /// Adds further data that authentication has about the caller, as a type of your own. It replaces earlier claims.
    ///
    /// Claims are dropped with the last clone of the principal. A panic in their drop harms no call.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::Principal;
    ///
    /// /// The claims of the access token.
    /// struct Claims {
    ///     tenant: u64,
    /// }
    ///
    /// let ada = Principal::new("ada").with_claims(Claims { tenant: 7 });
    /// assert_eq!(ada.claims::<Claims>().unwrap().tenant, 7);
    /// // Claims do not take part in the comparison.
    /// assert_eq!(ada, Principal::new("ada"));
    /// ```
    #[must_use]
    pub fn with_claims<T: Send + Sync + 'static>(mut self, claims: T) -> Self {
        Arc::make_mut(&mut self.0).claims = Some(Arc::new(CatchDropPanic::new(claims)));
        self
    }

    /// Returns the claims, if they have this type.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Context, MethodSpec, Principal, RequestContext};
    ///
    /// struct Tenant(u64);
    ///
    /// /// Returns the tenant of the caller, for a handler.
    /// fn tenant(cx: &Context) -> Option<u64> {
    ///     cx.principal()?.claims::<Tenant>().map(|tenant| tenant.0)
    /// }
    ///
    /// let request = RequestContext::default().with_principal(Principal::new("ada").with_claims(Tenant(7)));
    /// assert_eq!(tenant(&Context::new(MethodSpec::new("order.list"), None, request)), Some(7));
    /// ```
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
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::Principal;
    ///
    /// let ada = Principal::new("ada").with_role("reader").with_role("writer");
    /// assert!(ada.has_role("writer"));
    /// assert!(!ada.has_role("admin"));
    /// ```
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
