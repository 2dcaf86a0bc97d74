//! [`Bearer`]: authentication by a list of bearer tokens. It stores digests of the tokens and compares them in constant
//! time.

use std::fmt;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use rpc_core::{BoxFuture, Principal, RequestContext};
use sha2::{Digest, Sha256};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};

use super::{Authenticate, Denied};

/// Authentication by bearer tokens in the header `Authorization: Bearer ..`, as
/// [RFC 6750](https://www.rfc-editor.org/rfc/rfc6750#section-2.1) defines them.
///
/// It stores only digests of the tokens. It compares the digest of the caller's token with each of them in constant
/// time. Use long random tokens, since anyone may guess.
///
/// # Example
///
/// ```
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// use rpc::auth::Bearer;
/// use rpc::{Client, ErrorKind, Principal, Server};
///
/// let server = Server::builder()
///     .authenticate(Bearer::new().token("s3cr3t", Principal::new("ada")))
///     .method("whoami", |cx: rpc::Context| async move { cx.principal().map(|who| who.subject().to_owned()) })
///     .build();
/// let client = Client::in_process(&server);
///
/// let ada: Option<String> = client.call("whoami", ()).header("authorization", "Bearer s3cr3t").await?;
/// assert_eq!(ada.as_deref(), Some("ada"));
///
/// let guess = client.call::<Option<String>>("whoami", ()).header("authorization", "Bearer guess").await;
/// assert_eq!(guess.unwrap_err().kind(), ErrorKind::Authentication);
/// # Ok::<_, rpc::Error>(())
/// # }).unwrap();
/// ```
#[derive(Clone, Default)]
pub struct Bearer {
    known: Vec<([u8; 32], Principal)>,
}

impl Bearer {
    /// Makes a list without tokens.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::auth::Bearer;
    /// use rpc::{Client, ErrorKind, Server};
    ///
    /// // Without tokens, only anonymous callers are accepted.
    /// let server = Server::builder().authenticate(Bearer::new()).method("ping", || async { "pong" }).build();
    /// let client = Client::in_process(&server);
    /// assert_eq!(client.call::<String>("ping", ()).await?, "pong");
    /// let guess = client.call::<String>("ping", ()).header("authorization", "Bearer guess").await;
    /// assert_eq!(guess.unwrap_err().kind(), ErrorKind::Authentication);
    /// # Ok(())
    /// # }
    /// ```
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a token of a caller. A caller may have several tokens, for example while one replaces another.
    ///
    /// # Panics
    ///
    /// If the principal's subject is empty.
    ///
    /// # Example
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// use rpc::auth::Bearer;
    /// use rpc::{Client, Context, Principal, Server};
    ///
    /// // A new token replaces the old one. Both are valid until all clients have the new one.
    /// let ada = Principal::new("ada").with_role("admin");
    /// let bearer = Bearer::new().token("old-s3cr3t", ada.clone()).token("new-s3cr3t", ada);
    ///
    /// let is_admin = |cx: Context| async move { cx.principal().is_some_and(|caller| caller.has_role("admin")) };
    /// let server = Server::builder().authenticate(bearer).method("is_admin", is_admin).build();
    /// for token in ["Bearer old-s3cr3t", "Bearer new-s3cr3t"] {
    ///     assert!(Client::in_process(&server).call::<bool>("is_admin", ()).header("authorization", token).await?);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    #[track_caller]
    pub fn token(mut self, token: impl AsRef<[u8]>, principal: Principal) -> Self {
        assert!(!principal.subject().is_empty(), "a principal must have a subject");
        self.known.push((Sha256::digest(token.as_ref()).into(), principal));
        self
    }

    /// Returns the principal of a token. It compares all digests to the end. So the time shows neither which token
    /// matched nor how much of it was right.
    fn find(&self, token: &[u8]) -> Option<&Principal> {
        let shown: [u8; 32] = Sha256::digest(token).into();
        let mut found = u64::MAX;
        for (index, (digest, _)) in (0u64..).zip(&self.known) {
            let equal: Choice = digest[..].ct_eq(&shown[..]);
            found.conditional_assign(&index, equal);
        }
        self.known.get(usize::try_from(found).ok()?).map(|(_, principal)| principal)
    }
}

impl Authenticate for Bearer {
    fn authenticate(&self, request: Arc<RequestContext>) -> BoxFuture<Result<Option<Principal>, Denied>> {
        let found = match credentials(&request) {
            Ok(None) => Ok(None),
            Ok(Some(token)) => match self.find(token) {
                Some(principal) => Ok(Some(principal.clone())),
                None => Err(Denied::unauthenticated("unknown token")),
            },
            Err(reason) => Err(Denied::unauthenticated(reason)),
        };
        Box::pin(std::future::ready(found))
    }
}

/// Returns the bearer token of a request, if it has one.
fn credentials(request: &RequestContext) -> Result<Option<&[u8]>, &'static str> {
    let mut values = request.headers.get_all(AUTHORIZATION).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err("more than one Authorization header");
    }
    let value = value.as_bytes();
    let space = value.iter().position(|byte| *byte == b' ').ok_or("a bearer token is expected")?;
    let (scheme, token) = value.split_at(space);
    if !scheme.eq_ignore_ascii_case(b"bearer") {
        return Err("a bearer token is expected");
    }
    match token.trim_ascii() {
        [] => Err("a bearer token is expected"),
        token => Ok(Some(token)),
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bearer").field("tokens", &self.known.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use http::header::AUTHORIZATION;
    use rpc_core::{Principal, RequestContext};

    use super::{Bearer, credentials};

    #[test]
    fn each_token_is_its_callers_and_no_other_is_anybodys() {
        let bearer = Bearer::new().token("one", Principal::new("ada")).token("two", Principal::new("bob"));
        let subject = |token: &str| bearer.find(token.as_bytes()).map(Principal::subject);
        assert_eq!((subject("one"), subject("two")), (Some("ada"), Some("bob")));
        for other in ["", "on", "one ", "ONE", "three"] {
            assert_eq!(subject(other), None, "{other:?}");
        }
        assert!(Bearer::new().find(b"one").is_none());
    }

    #[test]
    fn no_token_is_printed() {
        let bearer = Bearer::new().token("sesame", Principal::new("ada"));
        assert_eq!(format!("{bearer:?}"), "Bearer { tokens: 1 }");
    }

    #[test]
    fn the_scheme_is_read_in_any_case_and_others_are_refused() {
        let shown = |values: &[&'static str]| {
            let mut request = RequestContext::default();
            for value in values {
                request.headers.append(AUTHORIZATION, HeaderValue::from_static(value));
            }
            credentials(&request).map(|token| token.map(<[u8]>::to_vec)).map_err(drop)
        };
        assert_eq!(shown(&[]), Ok(None));
        for value in ["Bearer abc", "bearer abc", "BEARER   abc "] {
            assert_eq!(shown(&[value]), Ok(Some(b"abc".to_vec())), "{value}");
        }
        for value in ["Basic abc", "Bearer", "Bearer ", "abc", ""] {
            assert_eq!(shown(&[value]), Err(()), "{value}");
        }
        assert_eq!(shown(&["Bearer abc", "Bearer abc"]), Err(()));
    }
}
