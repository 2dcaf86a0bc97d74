//! Upgrades an HTTP/1.1 connection to WebSocket:
//! [RFC 6455, section 4](https://www.rfc-editor.org/rfc/rfc6455#section-4).

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::header::{
    CONNECTION, HOST, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rpc_core::SessionProtocol;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::runtime::spawn;
use crate::transport::http::ByteStream;
use crate::transport::multiplexed::RefusedUpgrade;

/// The framework's own subprotocol.
const RPC_V1: &str = "rpc.v1";

/// How many bytes are read of a response that refuses the upgrade.
const REFUSAL_BYTES: usize = 64 << 10;

/// A connection that speaks WebSocket.
pub(super) struct Upgraded {
    pub(super) socket: WebSocketStream<Box<dyn ByteStream>>,
    pub(super) protocol: SessionProtocol,
}

/// Why the connection does not speak WebSocket.
pub(super) enum UpgradeError {
    Refused(Box<RefusedUpgrade>),
    Failed(Box<dyn std::error::Error + Send + Sync>),
}

impl<E: Into<Box<dyn std::error::Error + Send + Sync>>> From<E> for UpgradeError {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Upgrades a connection. The request has these headers in addition to its own.
pub(super) async fn upgrade(
    stream: Box<dyn ByteStream>,
    uri: &Uri,
    headers: HeaderMap,
    config: WebSocketConfig,
) -> Result<Upgraded, UpgradeError> {
    let (mut sender, connection) = http1::handshake::<_, Empty<Bytes>>(TokioIo::new(stream)).await?;
    // The sender reports its errors. It ends when the sender and the upgraded connection are gone.
    spawn(connection.with_upgrades());
    let key = BASE64_STANDARD.encode(rand::random::<[u8; 16]>());
    let response = sender.send_request(request(uri, headers, &key)?).await?;
    if response.status() != StatusCode::SWITCHING_PROTOCOLS {
        return Err(refusal(response).await);
    }
    let protocol = check(response.headers(), &key)?;
    let upgraded = hyper::upgrade::on(response).await?;
    let parts = upgraded.downcast::<TokioIo<Box<dyn ByteStream>>>().expect("the stream is the one that was passed in");
    let (stream, read) = (parts.io.into_inner(), parts.read_buf.into());
    let socket = WebSocketStream::from_partially_read(stream, read, Role::Client, Some(config)).await;
    Ok(Upgraded { socket, protocol })
}

fn request(uri: &Uri, mut headers: HeaderMap, key: &str) -> Result<http::Request<Empty<Bytes>>, http::Error> {
    let authority = uri.authority().map(http::uri::Authority::as_str).unwrap_or_default();
    let default_port = if uri.scheme_str() == Some("https") { ":443" } else { ":80" };
    let host = authority.strip_suffix(default_port).unwrap_or(authority);
    headers.entry(HOST).or_insert(HeaderValue::from_str(host)?);
    headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    headers.insert(SEC_WEBSOCKET_KEY, HeaderValue::from_str(key)?);
    headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(RPC_V1));
    let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let mut request = http::Request::get(path).body(Empty::new())?;
    *request.headers_mut() = headers;
    Ok(request)
}

/// Checks the response that accepts the upgrade, and returns the form of messages that the server has chosen.
fn check(headers: &HeaderMap, key: &str) -> Result<SessionProtocol, &'static str> {
    let has = |name: HeaderName, token: &str| {
        let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(',')).any(|value| value.trim().eq_ignore_ascii_case(token))
    };
    if !has(UPGRADE, "websocket") || !has(CONNECTION, "upgrade") {
        return Err("the server switched to another protocol than WebSocket");
    }
    let accepted = headers.get(SEC_WEBSOCKET_ACCEPT).is_some_and(|accept| accept == &derive_accept_key(key.as_bytes()));
    if !accepted {
        return Err("the server's header `Sec-WebSocket-Accept` does not answer the client's key");
    }
    match headers.get(SEC_WEBSOCKET_PROTOCOL) {
        None => Ok(SessionProtocol::Subscriptions),
        Some(protocol) if protocol == RPC_V1 => Ok(SessionProtocol::RpcV1),
        Some(_) => Err("the server chose a subprotocol that the client did not offer"),
    }
}

/// Reads the response of a server that does not upgrade.
async fn refusal(response: Response<Incoming>) -> UpgradeError {
    let (head, body) = response.into_parts();
    if !head.status.is_client_error() && !head.status.is_server_error() {
        let why = format!("the server does not speak WebSocket here: it answered with HTTP status {}", head.status);
        return UpgradeError::Failed(why.into());
    }
    // Without its body the refusal is still one.
    let body = Limited::new(body, REFUSAL_BYTES).collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    UpgradeError::Refused(Box::new(RefusedUpgrade { status: head.status, headers: head.headers, body }))
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue, Uri};
    use rpc_core::SessionProtocol;

    use super::{check, request};

    /// The key and its answer from section 1.3 of the RFC.
    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";
    const ACCEPT: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    fn checked(pairs: &[(&'static str, &'static str)]) -> Result<SessionProtocol, &'static str> {
        let header = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        check(&pairs.iter().map(header).collect(), KEY)
    }

    #[test]
    fn acceptance_must_answer_the_key_and_choose_an_offered_protocol() {
        let upgrade = [("upgrade", "WebSocket"), ("connection", "keep-alive, Upgrade")];
        let with = |more: &[(&'static str, &'static str)]| checked(&[&upgrade, more].concat());
        let accept = ("sec-websocket-accept", ACCEPT);
        assert_eq!(with(&[accept]), Ok(SessionProtocol::Subscriptions));
        assert_eq!(with(&[accept, ("sec-websocket-protocol", "rpc.v1")]), Ok(SessionProtocol::RpcV1));
        assert!(with(&[accept, ("sec-websocket-protocol", "mqtt")]).unwrap_err().contains("subprotocol"));
        assert!(with(&[]).unwrap_err().contains("Sec-WebSocket-Accept"));
        assert!(with(&[("sec-websocket-accept", KEY)]).unwrap_err().contains("Sec-WebSocket-Accept"));
        assert!(checked(&[accept]).unwrap_err().contains("another protocol"));
    }

    #[test]
    fn request_has_the_path_and_the_headers_of_the_client() {
        let own: HeaderMap =
            [(HeaderName::from_static("authorization"), HeaderValue::from_static("Bearer a"))].into_iter().collect();
        let request = request(&Uri::from_static("https://a:443/rpc?q=1"), own, KEY).unwrap();
        assert_eq!(request.uri(), "/rpc?q=1");
        assert_eq!(
            (&request.headers()["host"], &request.headers()["authorization"]),
            (&"a".parse().unwrap(), &"Bearer a".parse().unwrap())
        );
    }
}
