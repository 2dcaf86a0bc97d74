//! [`SessionOpening`]: what the messages of a session have of the request that opened it. It makes the context of each
//! message.

use std::net::SocketAddr;

use bytes::BytesMut;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderMap, HeaderName, UPGRADE};
use http::{Extensions, HeaderValue, header};
use rpc_core::codec::{is_message_header, read_rpc_member};
use rpc_core::contain::contain;
use rpc_core::headers::IDEMPOTENCY_KEY;
use rpc_core::{Peer, Principal, RequestContext};

/// Who authenticates the caller of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallerCheck {
    /// The transport has authenticated the caller of the session.
    #[cfg_attr(
        not(any(feature = "ipc", feature = "websocket")),
        allow(dead_code, reason = "only connections authenticate first")
    )]
    Done,
    /// Each message is authenticated when it is dispatched.
    EachMessage,
}

/// What all messages of a session have in common.
pub(super) struct SessionOpening {
    headers: HeaderMap,
    peer_addr: Option<SocketAddr>,
    extensions: Extensions,
    principal: Option<Principal>,
    peer: Option<Peer>,
    check: CallerCheck,
}

/// The headers of the request that opened a session which do not concern its messages.
const OF_OPENING: [HeaderName; 9] = [
    CONNECTION,
    UPGRADE,
    CONTENT_LENGTH,
    header::SEC_WEBSOCKET_KEY,
    header::SEC_WEBSOCKET_VERSION,
    header::SEC_WEBSOCKET_PROTOCOL,
    header::SEC_WEBSOCKET_EXTENSIONS,
    header::ACCEPT,
    IDEMPOTENCY_KEY,
];

impl SessionOpening {
    pub(super) fn new(request: &RequestContext, check: CallerCheck) -> Self {
        let headers =
            copy_headers(&request.headers, |name| !OF_OPENING.contains(name) && !name.as_str().starts_with("rpc-"));
        // Layers put values of their own types there, and the clone of such a value may panic.
        let extensions = contain(|| request.extensions.clone()).unwrap_or_default();
        let (principal, peer) = (request.principal().cloned(), request.peer().cloned());
        Self { headers, peer_addr: request.peer_addr, extensions, principal, peer, check }
    }

    /// Makes the context of a message with the headers in its member `rpc`.
    ///
    /// # Errors
    ///
    /// Returns why the message is refused.
    pub(super) fn context_of(&self, message: &[u8]) -> Result<RequestContext, String> {
        let own = read_rpc_member(message)?;
        for (name, value) in own.iter().flatten() {
            if !is_message_header(name) {
                return Err(format!("the member `rpc` cannot set `{name}`: it belongs to the connection"));
            }
            // Proxies set such headers to tell who calls. A message must not change them.
            if self.is_fixed(name) && !self.has_value(name, value) {
                return Err(format!("the member `rpc` cannot set `{name}`: the connection has another value"));
            }
        }
        let mut context = self.context();
        for (name, value) in own.into_iter().flatten() {
            if let Some(name) = name.filter(|name| !self.is_fixed(name)) {
                context.headers.insert(name, value);
            }
        }
        Ok(context.counting_from_now(|| tokio::time::Instant::now().into_std()).accepting_stream())
    }

    /// Returns whether messages cannot change this header.
    fn is_fixed(&self, name: &HeaderName) -> bool {
        name.as_str().starts_with("x-") && self.headers.contains_key(name)
    }

    /// Returns whether the connection has this value of a header. Messages join several values by commas.
    fn has_value(&self, name: &HeaderName, value: &HeaderValue) -> bool {
        let values: Vec<&[u8]> = self.headers.get_all(name).iter().map(HeaderValue::as_bytes).collect();
        values.join(&b", "[..]) == value.as_bytes()
    }

    /// Makes the context of a message that has no member `rpc`.
    pub(super) fn plain_context(&self) -> RequestContext {
        self.context().with_clock(|| tokio::time::Instant::now().into_std()).accepting_stream()
    }

    fn context(&self) -> RequestContext {
        let extensions = if self.extensions.is_empty() {
            Extensions::new()
        } else {
            contain(|| self.extensions.clone()).unwrap_or_default()
        };
        let context = RequestContext::new(self.headers.clone(), self.peer_addr, extensions);
        let context = match &self.principal {
            Some(principal) => context.with_principal(principal.clone()),
            None => context,
        };
        let context = match &self.peer {
            Some(peer) => context.with_peer(peer.clone()),
            None => context,
        };
        match self.check {
            CallerCheck::Done => context.already_authenticated(),
            CallerCheck::EachMessage => context,
        }
    }
}

/// Copies some headers into memory of their own. The values of a request lie in the read buffer of its connection, and
/// would keep all of it.
fn copy_headers(headers: &HeaderMap, is_kept: impl Fn(&HeaderName) -> bool) -> HeaderMap {
    let kept = || headers.iter().filter(|(name, _)| is_kept(name));
    let mut text = BytesMut::with_capacity(kept().map(|(_, value)| value.len()).sum());
    let mut copied = HeaderMap::with_capacity(kept().count());
    for (name, value) in kept() {
        text.extend_from_slice(value.as_bytes());
        let mut copy = HeaderValue::from_maybe_shared(text.split().freeze()).unwrap_or_else(|_| value.clone());
        copy.set_sensitive(value.is_sensitive());
        copied.append(name, copy);
    }
    copied
}

impl Drop for SessionOpening {
    fn drop(&mut self) {
        contain(|| drop(std::mem::take(&mut self.extensions)));
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderValue;
    use rpc_core::{Principal, RequestContext};

    use super::{CallerCheck, SessionOpening};

    fn text(value: Option<&HeaderValue>) -> Option<&str> {
        value.and_then(|value| value.to_str().ok())
    }

    fn opening() -> SessionOpening {
        let mut request = RequestContext::default().with_principal(Principal::new("ada"));
        for (name, value) in [
            ("authorization", "Bearer a"),
            ("connection", "Upgrade"),
            ("rpc-timeout-ms", "1"),
            ("idempotency-key", "\"k\""),
            ("traceparent", "of-connection"),
            ("x-user", "ada"),
        ] {
            request.headers.insert(name, HeaderValue::from_static(value));
        }
        request.headers.append("x-region", HeaderValue::from_static("eu"));
        request.headers.append("x-region", HeaderValue::from_static("us"));
        SessionOpening::new(&request, CallerCheck::Done)
    }

    #[test]
    fn messages_have_the_headers_of_their_session_and_their_own() {
        let message = br#"{"method":"a","rpc":{"rpc-timeout-ms":"5000","traceparent":"own","x-more":"1"}}"#;
        let context = opening().context_of(message).unwrap();
        let headers = ["authorization", "rpc-timeout-ms", "traceparent", "x-user", "x-more", "idempotency-key"]
            .map(|name| text(context.headers.get(name)));
        assert_eq!(headers, [Some("Bearer a"), Some("5000"), Some("own"), Some("ada"), Some("1"), None]);
        assert!(!context.headers.contains_key("connection"));
        assert!(context.deadline().is_some() && context.accepts_stream() && context.is_authenticated());
        assert_eq!(context.principal().map(Principal::subject), Some("ada"));
    }

    #[test]
    fn session_keeps_no_memory_of_the_request_that_opened_it() {
        let buffer = Bytes::from(b"Bearer a".repeat(1000));
        let mut request = RequestContext::default();
        request.headers.insert("authorization", HeaderValue::from_maybe_shared(buffer.slice(..8)).unwrap());
        let opening = SessionOpening::new(&request, CallerCheck::Done);
        drop(request);
        assert!(buffer.is_unique());
        assert_eq!(text(opening.plain_context().headers.get("authorization")), Some("Bearer a"));
    }

    #[test]
    fn what_concerns_the_opening_request_does_not_hold_for_messages() {
        let context = opening().context_of(br#"{"method":"a"}"#).unwrap();
        assert_eq!(context.deadline(), None);
        assert_eq!(text(context.headers.get("traceparent")), Some("of-connection"));
        assert!(!context.headers.contains_key("idempotency-key"));
    }

    #[test]
    fn messages_may_repeat_what_the_connection_has() {
        let context = opening().context_of(br#"{"rpc":{"x-user":"ada","x-region":"eu, us"}}"#).unwrap();
        assert_eq!(text(context.headers.get("x-user")), Some("ada"));
        let regions: Vec<_> = context.headers.get_all("x-region").iter().map(|region| text(Some(region))).collect();
        assert_eq!(regions, [Some("eu"), Some("us")]);
    }

    #[test]
    fn messages_cannot_pretend_to_be_of_another_caller() {
        for (member, reason) in [
            (r#"{"authorization":"Bearer b"}"#, "the member `rpc` cannot set `authorization`: it belongs"),
            (r#"{"cookie":"a=b"}"#, "the member `rpc` cannot set `cookie`: it belongs"),
            (r#"{"x-forwarded-for":"::1"}"#, "the member `rpc` cannot set `x-forwarded-for`: it belongs"),
            (r#"{"x-user":"bob"}"#, "the member `rpc` cannot set `x-user`: the connection has another value"),
            (r#"{"x-region":"eu"}"#, "the member `rpc` cannot set `x-region`: the connection has another value"),
        ] {
            let error = opening().context_of(format!(r#"{{"rpc":{member}}}"#).as_bytes()).unwrap_err();
            assert!(error.starts_with(reason), "{error}");
        }
    }
}
