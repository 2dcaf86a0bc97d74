//! Makes connections: name resolution, TCP, proxy and TLS, within one timeout. It is the connector of hyper-util's
//! pool.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::{PathAndQuery, Scheme};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::proxy::{SocksV4, SocksV5, Tunnel};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::Intercept;
use hyper_util::rt::TokioIo;
use rpc_core::BoxFuture;
use tokio::time::timeout;
use tower_service::Service;

use super::address::bare_host;
use super::connect_error::ConnectError;
use super::connection_reuse::{ConnectionReuse, ObservedConnection};
use super::in_flight::LastAnswer;
use super::route::Route;
use super::settings::HttpSettings;
use super::socket::Socket;
use super::stream::{BoxConnectError, ByteStream, HyperStream};
use super::tls::Tls;
use crate::Failure;

/// Makes connections to the server: TCP, through a proxy if there is one, and TLS.
///
/// hyper-util clones its connector for each request, so it is only a pointer.
#[derive(Clone, Debug)]
pub(super) struct Connector(Arc<ConnectorInner>);

#[derive(Debug)]
struct ConnectorInner {
    server: Uri,
    dialer: Dialer,
    route: Route,
    timeout: Duration,
    http2_only: bool,
}

impl Connector {
    pub(super) fn new(
        server: Uri,
        route: Route,
        reuse: ConnectionReuse,
        settings: &HttpSettings,
    ) -> Result<Self, Failure> {
        let is_encrypted = |uri: &Uri| uri.scheme() == Some(&Scheme::HTTPS);
        // Without TLS, a machine needs no certificates of authorities. Many containers have none.
        let wants_tls = is_encrypted(&server) || route.proxy().is_some_and(is_encrypted);
        let tls = wants_tls.then(|| Tls::new(&settings.tls, settings.http2_prior_knowledge)).transpose()?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        // The addresses of a name share this time.
        tcp.set_connect_timeout(Some(settings.connect_timeout));
        let dialer = Dialer { tcp, tls: tls.map(Arc::new), reuse };
        let (timeout, http2_only) = (settings.connect_timeout, settings.http2_prior_knowledge);
        Ok(Self(Arc::new(ConnectorInner { server, dialer, route, timeout, http2_only })))
    }
}

#[cfg(feature = "websocket")]
impl Connector {
    /// Connects to the server for a protocol that begins as HTTP/1.1. The route must not be that of whole requests.
    pub(super) async fn connect_http1(&self) -> Result<HyperStream, BoxConnectError> {
        let inner = &self.0;
        let connecting = async {
            let stream = inner.open().await?;
            if inner.server.scheme() != Some(&Scheme::HTTPS) {
                return Ok(stream);
            }
            inner.dialer.tls()?.with_http1(stream, bare_host(&inner.server)).await
        };
        let connected = timeout(inner.timeout, connecting).await;
        connected.unwrap_or_else(|_| Err(format!("no connection within {:?}", inner.timeout).into()))
    }
}

impl Service<Uri> for Connector {
    type Response = HttpConnection;
    type Error = BoxConnectError;
    type Future = BoxFuture<Result<HttpConnection, BoxConnectError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxConnectError>> {
        Poll::Ready(Ok(()))
    }

    /// Connects to the one server, whatever its name in the pool.
    fn call(&mut self, _: Uri) -> Self::Future {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            let connection = timeout(inner.timeout, inner.connect()).await;
            let connection =
                connection.unwrap_or_else(|_| Err(format!("no connection within {:?}", inner.timeout).into()));
            connection.map_err(|error| {
                let server = inner.route.address().unwrap_or(&inner.server);
                ConnectError::new(server, inner.route.proxy(), error).into()
            })
        })
    }
}

impl ConnectorInner {
    async fn connect(&self) -> Result<HttpConnection, BoxConnectError> {
        let stream = self.open().await?;
        if let Route::Forward(_) = self.route {
            return Ok(HttpConnection { is_forwarded: true, ..self.connection(stream, self.http2_only) });
        }
        if self.server.scheme() != Some(&Scheme::HTTPS) {
            return Ok(self.connection(stream, self.http2_only));
        }
        let (stream, is_http2) = self.dialer.tls()?.with_server(stream, bare_host(&self.server)).await?;
        Ok(self.connection(stream, is_http2 || self.http2_only))
    }

    /// Connects to the server, or to a proxy that takes whole requests. There is no TLS with the server yet.
    async fn open(&self) -> Result<HyperStream, BoxConnectError> {
        let (server, mut dialer) = (&self.server, self.dialer.clone());
        Ok(match &self.route {
            Route::Direct => dialer.tcp(server.clone()).await?,
            Route::Address(to) => dialer.tcp(to.clone()).await?,
            Route::Forward(proxy) => dialer.call(proxy.clone()).await?,
            Route::Tunnel(proxy) => tunnel(proxy, dialer).call(with_port(server)?).await?,
            Route::Socks4(proxy) => socks4(proxy, dialer)?.call(with_port(server)?).await?,
            Route::Socks5(proxy) => socks5(proxy, dialer)?.call(with_port(server)?).await?,
        })
    }

    fn connection(&self, stream: HyperStream, is_http2: bool) -> HttpConnection {
        let reuse = self.dialer.reuse.clone();
        let stream = TokioIo::new(ObservedConnection::new(stream.into_inner(), reuse, is_http2));
        HttpConnection { stream, is_forwarded: false, is_http2 }
    }
}

fn tunnel(proxy: &Intercept, dialer: Dialer) -> Tunnel<Dialer> {
    let tunnel = Tunnel::new(proxy.uri().clone(), dialer);
    match proxy.basic_auth() {
        Some(header) => tunnel.with_auth(header.clone()),
        None => tunnel,
    }
}

// SOCKS proxies resolve names themselves, whatever their scheme: hyper-util would block the thread to resolve them.

fn socks4(proxy: &Intercept, dialer: Dialer) -> Result<SocksV4<Dialer>, BoxConnectError> {
    Ok(SocksV4::new(or_port(proxy.uri(), SOCKS_PORT)?, dialer))
}

fn socks5(proxy: &Intercept, dialer: Dialer) -> Result<SocksV5<Dialer>, BoxConnectError> {
    let socks = SocksV5::new(or_port(proxy.uri(), SOCKS_PORT)?, dialer);
    Ok(match proxy.raw_auth() {
        Some((name, password)) => socks.with_auth(name.to_owned(), password.to_owned()),
        None => socks,
    })
}

/// The port for SOCKS proxies without one in their address. TCP's connector would use 80.
const SOCKS_PORT: u16 = 1080;

/// Adds the server's port, since proxies' connectors use 443 for an address without one.
fn with_port(server: &Uri) -> Result<Uri, BoxConnectError> {
    if server.scheme() == Some(&Scheme::HTTPS) { Ok(server.clone()) } else { or_port(server, 80) }
}

/// Adds this port if the address has none.
fn or_port(uri: &Uri, port: u16) -> Result<Uri, BoxConnectError> {
    if uri.port().is_some() {
        return Ok(uri.clone());
    }
    let mut parts = uri.clone().into_parts();
    parts.authority = Some(format!("{}:{port}", uri.host().unwrap_or_default()).parse()?);
    parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
    Ok(Uri::from_parts(parts)?)
}

/// Connects to the next hop: the server or the proxy.
#[derive(Clone)]
struct Dialer {
    tcp: HttpConnector,
    tls: Option<Arc<Tls>>,
    reuse: ConnectionReuse,
}

impl Dialer {
    async fn tcp(&mut self, to: Uri) -> Result<HyperStream, BoxConnectError> {
        let stream = self.tcp.call(to).await?;
        Ok(TokioIo::new(Box::new(Socket::new(stream.into_inner(), self.reuse.clone()))))
    }

    fn tls(&self) -> Result<&Tls, BoxConnectError> {
        self.tls.as_deref().ok_or_else(|| "no TLS was set up for this address".into())
    }
}

impl fmt::Debug for Dialer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dialer")
    }
}

/// Connects to a proxy, with TLS if its address is `https`.
impl Service<Uri> for Dialer {
    type Response = HyperStream;
    type Error = BoxConnectError;
    type Future = BoxFuture<Result<HyperStream, BoxConnectError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxConnectError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, proxy: Uri) -> Self::Future {
        let mut dialer = self.clone();
        Box::pin(async move {
            let stream = dialer.tcp(proxy.clone()).await?;
            if proxy.scheme() != Some(&Scheme::HTTPS) {
                return Ok(stream);
            }
            dialer.tls()?.with_http1(stream, bare_host(&proxy)).await
        })
    }
}

/// A connection with the results of its setup.
pub(super) struct HttpConnection {
    stream: TokioIo<ObservedConnection<Box<dyn ByteStream>>>,
    /// Whether a proxy takes whole requests, which then name the server.
    is_forwarded: bool,
    is_http2: bool,
}

impl Connection for HttpConnection {
    fn connected(&self) -> Connected {
        let connected = Connected::new().proxy(self.is_forwarded);
        if self.is_http2 { connected.negotiated_h2().extra(LastAnswer::new()) } else { connected }
    }
}

impl Read for HttpConnection {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_read(cx, buf)
    }
}

impl Write for HttpConnection {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, buf)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(cx, bufs)
    }
}

#[cfg(test)]
mod tests {
    use http::Uri;

    use super::{SOCKS_PORT, or_port, with_port};

    #[test]
    fn a_port_that_is_left_out_is_that_of_the_scheme() {
        for (proxy, full) in [
            ("socks5h://proxy", "socks5h://proxy:1080/"),
            ("socks4://10.0.0.1:9050", "socks4://10.0.0.1:9050/"),
            ("socks5://[::1]", "socks5://[::1]:1080/"),
        ] {
            assert_eq!(or_port(&Uri::from_static(proxy), SOCKS_PORT).unwrap().to_string(), full);
        }
        assert_eq!(with_port(&Uri::from_static("http://a/rpc")).unwrap(), "http://a:80/rpc");
        assert_eq!(with_port(&Uri::from_static("https://a/rpc")).unwrap(), "https://a/rpc");
    }
}
