use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{HeaderValue, Uri};
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tower_service::Service;

use super::address::Address;
use crate::Failure;
use crate::failure::Kind;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The way to a server, as far as TCP goes: straight, or through the proxy that the environment names.
///
/// There is one server, so the choice is made once.
#[derive(Clone, Debug)]
pub(super) enum Route {
    Direct(HttpConnector),
    /// The proxy passes bytes on, and TLS goes through it.
    Tunnel(Tunnel<HttpConnector>),
    /// The proxy reads requests, whose target is then a whole URL.
    Forward(HttpConnector, Uri),
}

impl Route {
    pub(super) fn new(connector: HttpConnector, address: &Address, proxy: Option<&Intercept>) -> Result<Self, Failure> {
        let Some(proxy) = proxy else { return Ok(Self::Direct(connector)) };
        if proxy.uri().scheme_str() != Some("http") {
            let why = "the environment names a proxy that is not http://: use transport::ReqwestTransport for it";
            return Err(Failure::new(Kind::Builder(why)));
        }
        if !address.is_https() {
            return Ok(Self::Forward(connector, proxy.uri().clone()));
        }
        let tunnel = Tunnel::new(proxy.uri().clone(), connector);
        Ok(Self::Tunnel(match proxy.basic_auth() {
            Some(auth) => tunnel.with_auth(auth.clone()),
            None => tunnel,
        }))
    }
}

/// Returns the proxy that the environment wants between here and the address.
pub(super) fn proxy_of(address: &Address) -> Option<Intercept> {
    // No proxy leads back to this machine, though the environment may name one for all else.
    if address.is_loopback() { None } else { Matcher::from_env().intercept(&address.uri) }
}

/// What a proxy that reads requests wants to know of who sends them.
pub(super) fn forward_authorization(address: &Address, proxy: Option<&Intercept>) -> Option<HeaderValue> {
    proxy.filter(|_| !address.is_https())?.basic_auth().cloned()
}

impl Service<Uri> for Route {
    type Response = Stream;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Stream, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match self {
            Self::Direct(connector) | Self::Forward(connector, _) => Poll::Ready(Ok(ready!(connector.poll_ready(cx))?)),
            Self::Tunnel(tunnel) => Poll::Ready(Ok(ready!(tunnel.poll_ready(cx))?)),
        }
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        match self {
            Self::Direct(connector) => {
                let connecting = connector.call(target);
                Box::pin(async move { Ok(Stream { io: connecting.await?, proxied: false }) })
            }
            Self::Tunnel(tunnel) => {
                let connecting = tunnel.call(target);
                Box::pin(async move { Ok(Stream { io: connecting.await?, proxied: false }) })
            }
            Self::Forward(connector, proxy) => {
                let connecting = connector.call(proxy.clone());
                Box::pin(async move { Ok(Stream { io: connecting.await?, proxied: true }) })
            }
        }
    }
}

/// Connects within a time, which TLS and a proxy are a part of.
#[derive(Clone, Debug)]
pub(super) struct Timed<C> {
    pub(super) inner: C,
    pub(super) timeout: Duration,
}

impl<C> Service<Uri> for Timed<C>
where
    C: Service<Uri, Future: Send + 'static, Error: Into<BoxError>>,
{
    type Response = C::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<C::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(cx).map_err(Into::into)
    }

    fn call(&mut self, target: Uri) -> Self::Future {
        let timeout = self.timeout;
        let connecting = tokio::time::timeout(timeout, self.inner.call(target));
        Box::pin(async move {
            match connecting.await {
                Ok(connected) => connected.map_err(Into::into),
                Err(_) => {
                    let error = format!("connecting took longer than {timeout:?}");
                    Err(io::Error::new(io::ErrorKind::TimedOut, error).into())
                }
            }
        })
    }
}

/// A TCP connection that knows whether a proxy reads what is sent.
#[derive(Debug)]
pub(super) struct Stream {
    io: TokioIo<TcpStream>,
    proxied: bool,
}

impl Connection for Stream {
    fn connected(&self) -> Connected {
        self.io.inner().connected().proxy(self.proxied)
    }
}

impl Read for Stream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buf)
    }
}

impl Write for Stream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bufs)
    }
}
