//! Requests that open a WebSocket: their checks, and the response that switches the protocol. The connection then
//! belongs to `websocket`.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::header::{
    CONNECTION, HOST, HeaderMap, HeaderName, ORIGIN, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::request::Parts;
use http::{HeaderValue, Method, Response, StatusCode, Version};
use rpc_core::{Peer, RequestContext, SessionProtocol};
use sha1::{Digest, Sha1};

use super::answer_body::AnswerBody;
use super::connection::ConnectionInfo;
use super::early::EarlyAnswer;
use super::respond::respond_for_backend;
use super::state::HttpState;
use super::{host, origin};
use crate::load::ConnectionLoad;
use crate::session::SessionRequest;

/// The subprotocol of the framework.
const RPC_V1: &str = "rpc.v1";

/// The constant of [RFC 6455, section 1.3](https://www.rfc-editor.org/rfc/rfc6455#section-1.3).
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A request that opens a WebSocket, whose head was checked.
pub(super) struct UpgradeRequest {
    context: Arc<RequestContext>,
    protocol: SessionProtocol,
    accept: HeaderValue,
}

/// The session that begins once a response was sent. The response carries it to the code that owns the connection.
#[derive(Clone)]
struct BeginningSession(Arc<SessionRequest>);

/// Takes the session that begins with this response, if it switches the protocol.
pub(crate) fn take_session(response: &mut Response<AnswerBody>) -> Option<SessionRequest> {
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return None;
    }
    response
        .extensions_mut()
        .remove::<BeginningSession>()
        .and_then(|BeginningSession(request)| Arc::into_inner(request))
}

/// Returns whether a request asks for a WebSocket.
#[inline]
pub(super) fn is_upgrade(parts: &Parts) -> bool {
    parts.method == Method::GET && parts.version == Version::HTTP_11 && names(&parts.headers, &UPGRADE, "websocket")
}

impl UpgradeRequest {
    /// Checks the head of a request that asks for a WebSocket.
    pub(super) fn read(
        http_state: &HttpState,
        mut parts: Parts,
        connection: ConnectionInfo,
    ) -> Result<Self, EarlyAnswer> {
        let Parts { headers, .. } = &parts;
        let mut origins = headers.get_all(ORIGIN).iter();
        if !origins.all(|origin| origin::is_allowed(origin, &http_state.http.origins, connection.loopback)) {
            return Err(EarlyAnswer::origin());
        }
        let mut hosts = headers.get_all(HOST).iter();
        if !hosts.all(|host| host::is_allowed(host.as_bytes(), &http_state.http, connection.loopback)) {
            return Err(EarlyAnswer::host_of_session());
        }
        if !names(headers, &CONNECTION, "upgrade") {
            return Err(EarlyAnswer::upgrade("the header Connection must name Upgrade"));
        }
        if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
            return Err(EarlyAnswer::websocket_version());
        }
        let accept = accept_of(headers)
            .ok_or_else(|| EarlyAnswer::upgrade("the header Sec-WebSocket-Key must be 16 bytes in base64"))?;
        let protocol = if names(headers, &SEC_WEBSOCKET_PROTOCOL, RPC_V1) {
            SessionProtocol::RpcV1
        } else {
            SessionProtocol::Subscriptions
        };
        parts.extensions.remove::<hyper::upgrade::OnUpgrade>();
        let context = RequestContext::new(parts.headers, connection.peer_addr, parts.extensions)
            .counting_from_now(|| tokio::time::Instant::now().into_std())
            .with_peer(Peer::new(protocol));
        Ok(Self { context: Arc::new(context), protocol, accept })
    }

    /// Authenticates the caller and switches the protocol, or refuses the request.
    pub(super) async fn answer(self, http_state: &HttpState, load: &Arc<ConnectionLoad>) -> Response<AnswerBody> {
        let Self { context, protocol, accept } = self;
        let check = match http_state.backend.authenticate(&context).await {
            Ok(check) => check,
            Err(refusal) => return respond_for_backend(http_state, *refusal, load),
        };
        let mut response = Response::new(AnswerBody::new(Bytes::new()));
        *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        let headers = response.headers_mut();
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
        if protocol == SessionProtocol::RpcV1 {
            headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(RPC_V1));
        }
        let request = SessionRequest { context, protocol, check };
        response.extensions_mut().insert(BeginningSession(Arc::new(request)));
        response
    }
}

/// Returns whether a header that is a list has this entry.
fn names(headers: &HeaderMap, name: &HeaderName, entry: &str) -> bool {
    let entries = |value: &HeaderValue| {
        value
            .as_bytes()
            .split(|byte| *byte == b',')
            .any(|part| part.trim_ascii().eq_ignore_ascii_case(entry.as_bytes()))
    };
    headers.get_all(name).iter().any(entries)
}

/// Returns the proof that the server has read the client's key, if that is valid.
fn accept_of(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut keys = headers.get_all(SEC_WEBSOCKET_KEY).iter();
    let key = keys.next().filter(|_| keys.next().is_none())?;
    STANDARD.decode(key.as_bytes()).ok().filter(|key| key.len() == 16)?;
    let hash = Sha1::new().chain_update(key.as_bytes()).chain_update(GUID).finalize();
    HeaderValue::try_from(STANDARD.encode(hash)).ok()
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use http::header::{CONNECTION, HeaderValue, SEC_WEBSOCKET_KEY};

    use super::{accept_of, names};

    #[test]
    fn key_is_accepted_as_in_the_specification() {
        let mut headers = HeaderMap::new();
        assert_eq!(accept_of(&headers), None);
        headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
        assert_eq!(accept_of(&headers).unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        headers.append(SEC_WEBSOCKET_KEY, HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ=="));
        assert_eq!(accept_of(&headers), None);
        for invalid in ["", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25j", "????"] {
            headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_static(invalid));
            assert_eq!(accept_of(&headers), None, "{invalid}");
        }
    }

    #[test]
    fn entries_of_lists_are_found_whatever_their_case() {
        let mut headers = HeaderMap::new();
        headers.append(CONNECTION, HeaderValue::from_static("keep-alive"));
        headers.append(CONNECTION, HeaderValue::from_static("close, UPGRADE"));
        assert!(names(&headers, &CONNECTION, "upgrade"));
        assert!(!names(&headers, &CONNECTION, "up"));
    }
}
