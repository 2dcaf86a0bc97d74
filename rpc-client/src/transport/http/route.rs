use http::uri::Scheme;
use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use super::address::is_loopback;

/// Is the way to a server, which is decided once: a transport has one address, and a process one environment.
#[derive(Clone, Debug)]
pub(super) enum Route {
    Direct,
    /// Through a proxy that is handed whole requests.
    Forward(Uri),
    /// Through a proxy that is asked for a connection.
    Tunnel(Intercept),
    Socks4(Intercept),
    Socks5(Intercept),
}

impl Route {
    /// Finds the way to a server in the environment, and what a proxy that is handed requests wants to see with each.
    pub(super) fn to(server: &Uri) -> (Self, Option<HeaderValue>) {
        // No proxy leads back to this machine, though the environment may name one for all else.
        if is_loopback(server) {
            return (Self::Direct, None);
        }
        match Matcher::from_env().intercept(server) {
            Some(proxy) => Self::through(proxy, server),
            None => (Self::Direct, None),
        }
    }

    fn through(proxy: Intercept, server: &Uri) -> (Self, Option<HeaderValue>) {
        match proxy.uri().scheme_str() {
            Some("socks4" | "socks4a") => (Self::Socks4(proxy), None),
            Some("socks5" | "socks5h") => (Self::Socks5(proxy), None),
            _ if server.scheme() == Some(&Scheme::HTTPS) => (Self::Tunnel(proxy), None),
            _ => (Self::Forward(proxy.uri().clone()), proxy.basic_auth().cloned()),
        }
    }

    /// Returns the proxy's address.
    pub(super) fn proxy(&self) -> Option<&Uri> {
        match self {
            Self::Direct => None,
            Self::Forward(uri) => Some(uri),
            Self::Tunnel(proxy) | Self::Socks4(proxy) | Self::Socks5(proxy) => Some(proxy.uri()),
        }
    }
}

#[cfg(test)]
mod tests {
    use hyper_util::client::proxy::matcher::Matcher;

    use super::Route;

    fn route(proxy: &str, server: &'static str) -> (Route, Option<String>) {
        let server = http::Uri::from_static(server);
        let proxy = Matcher::builder().all(proxy.to_owned()).build().intercept(&server).unwrap();
        let (route, header) = Route::through(proxy, &server);
        (route, header.map(|header| header.to_str().unwrap().to_owned()))
    }

    #[test]
    fn requests_are_forwarded_in_plain_text_only() {
        let (forward, header) = route("http://ada:secret@proxy:3128", "http://a");
        assert!(matches!(forward, Route::Forward(uri) if uri == "http://proxy:3128/"));
        assert_eq!(header.unwrap(), "Basic YWRhOnNlY3JldA==");
        let (tunnel, header) = route("http://ada:secret@proxy:3128", "https://a");
        assert!(matches!(tunnel, Route::Tunnel(_)) && header.is_none(), "the server must not see the proxy's password");
    }

    #[test]
    fn socks_proxies_are_told_by_their_scheme() {
        for server in ["http://a", "https://a"] {
            assert!(matches!(route("socks5://proxy", server).0, Route::Socks5(_)));
            assert!(matches!(route("socks5h://proxy", server).0, Route::Socks5(_)));
            assert!(matches!(route("socks4a://proxy", server).0, Route::Socks4(_)));
        }
    }
}
