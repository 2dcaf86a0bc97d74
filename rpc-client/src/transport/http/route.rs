//! Chooses, by environment variables, whether connections go through a proxy and of which kind. `connect` follows it.

use std::env;
use std::ffi::OsString;
use std::net::SocketAddr;

use http::uri::Scheme;
use http::{HeaderValue, Uri};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};

use super::address::{has_possible_port, is_loopback};
use crate::failure::{Failure, FailureKind};

/// The route to a server. It is chosen once: a transport has one address, and a process one environment.
#[derive(Clone, Debug)]
pub(super) enum Route {
    Direct,
    /// To this address of the server, whatever its name resolves to.
    Address(Uri),
    /// Through a proxy that takes whole requests.
    Forward(Uri),
    /// Through a proxy that opens a connection on request.
    Tunnel(Intercept),
    Socks4(Intercept),
    Socks5(Intercept),
}

impl Route {
    /// Finds the route to a server from the environment. Also returns the header for a proxy that takes whole requests.
    ///
    /// # Errors
    ///
    /// The environment names a proxy with an invalid address. A route without that proxy would not be what the user
    /// wants.
    pub(super) fn to(server: &Uri) -> Result<(Self, Option<HeaderValue>), Failure> {
        // No proxy leads back to this machine, though the environment may name one for all other hosts.
        if is_loopback(server) {
            return Ok((Self::Direct, None));
        }
        check_environment(server, |name| env::var_os(name))?;
        Ok(match Matcher::from_env().intercept(server) {
            Some(proxy) => Self::through(proxy, server),
            None => (Self::Direct, None),
        })
    }

    /// Finds the route to a server whose connection carries more than HTTP requests. Proxies then open connections.
    ///
    /// # Errors
    ///
    /// As for [`to`](Self::to).
    #[cfg(feature = "websocket")]
    pub(super) fn of_connection_to(server: &Uri) -> Result<Self, Failure> {
        let (route, _) = Self::to(server)?;
        Ok(match route {
            Self::Forward(_) => Matcher::from_env().intercept(server).map_or(Self::Direct, Self::Tunnel),
            route => route,
        })
    }

    /// Returns the route to one address of a server. It uses no proxy, which would resolve the server's name itself.
    ///
    /// # Errors
    ///
    /// The address cannot be part of a URI. Any other route could lead to another server.
    pub(super) fn to_address(server: &Uri, to: SocketAddr) -> Result<Self, Failure> {
        let scheme = server.scheme().cloned().unwrap_or(Scheme::HTTP);
        let uri = Uri::builder().scheme(scheme).authority(to.to_string()).path_and_query("/").build();
        uri.map(Self::Address).map_err(|_| Failure::new(FailureKind::Builder("the address to connect to is invalid")))
    }

    /// Returns the server's address to connect to, if it is not that of its URL.
    pub(super) fn address(&self) -> Option<&Uri> {
        match self {
            Self::Address(uri) => Some(uri),
            _ => None,
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
            Self::Direct | Self::Address(_) => None,
            Self::Forward(uri) => Some(uri),
            Self::Tunnel(proxy) | Self::Socks4(proxy) | Self::Socks5(proxy) => Some(proxy.uri()),
        }
    }
}

/// The names of a variable, each with the error text for a malformed value. The text never has the value, which may
/// hold a password.
type ProxyVariable = [(&'static str, &'static str); 2];

macro_rules! variable {
    ($upper:literal, $lower:literal) => {
        [
            ($upper, concat!("environment variable ", $upper, " is not the address of a proxy")),
            ($lower, concat!("environment variable ", $lower, " is not the address of a proxy")),
        ]
    };
}

const HTTP_PROXY: ProxyVariable = variable!("HTTP_PROXY", "http_proxy");
const HTTPS_PROXY: ProxyVariable = variable!("HTTPS_PROXY", "https_proxy");
const ALL_PROXY: ProxyVariable = variable!("ALL_PROXY", "all_proxy");

/// Checks the variables that name a proxy for this server, in the order in which hyper-util reads them. hyper-util
/// ignores malformed ones.
fn check_environment(server: &Uri, var: impl Fn(&str) -> Option<OsString>) -> Result<(), Failure> {
    // In a CGI script a request header `Proxy` becomes HTTP_PROXY, so no variable is used.
    if var("REQUEST_METHOD").is_some() {
        return Ok(());
    }
    let exempt = ["NO_PROXY", "no_proxy"].into_iter().find_map(&var).unwrap_or_default();
    let any = Matcher::builder().all("http://proxy").no(exempt.to_string_lossy().into_owned()).build();
    if any.intercept(server).is_none() {
        return Ok(());
    }
    let own = if server.scheme() == Some(&Scheme::HTTPS) { HTTPS_PROXY } else { HTTP_PROXY };
    for (name, why) in own.into_iter().chain(ALL_PROXY) {
        let Some(value) = var(name).filter(|value| !value.is_empty()) else { continue };
        let is_address = value.to_str().is_some_and(|value| is_proxy(value, server));
        // The first variable that is set applies.
        return if is_address { Ok(()) } else { Err(Failure::new(FailureKind::Builder(why))) };
    }
    Ok(())
}

fn is_proxy(value: &str, server: &Uri) -> bool {
    let proxy = Matcher::builder().all(value.to_owned()).build().intercept(server);
    let authority = proxy.as_ref().and_then(|proxy| proxy.uri().authority());
    authority.is_some_and(|authority| !authority.host().is_empty() && has_possible_port(authority))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use hyper_util::client::proxy::matcher::Matcher;

    use super::{Route, check_environment};

    #[track_caller]
    fn check(server: &'static str, environment: &[(&str, &str)]) -> Result<(), String> {
        let var =
            |name: &str| environment.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value));
        check_environment(&http::Uri::from_static(server), var).map_err(|failure| {
            assert!(failure.is_builder() && !format!("{failure:?}").contains("secret"), "{failure:?}");
            failure.to_string()
        })
    }

    #[test]
    fn a_malformed_proxy_is_an_error_that_names_its_variable() {
        for malformed in [
            "ftp://ada:secret@proxy",
            "http://ada:secret@proxy:99999",
            "http://ada:secret@proxy:0",
            "http://ada:secret@proxy:+80",
            "http://ada:secret@",
            "http://:3128",
            "http://pro xy",
            "socks6://proxy",
            "/proxy",
            "http://pröxy",
        ] {
            for (server, name) in [
                ("http://a", "HTTP_PROXY"),
                ("http://a", "http_proxy"),
                ("https://a", "HTTPS_PROXY"),
                ("https://a", "all_proxy"),
            ] {
                let why = format!("environment variable {name} is not the address of a proxy");
                assert_eq!(check(server, &[(name, malformed)]), Err(why), "{malformed}");
            }
        }
    }

    #[test]
    fn variables_that_name_a_proxy_or_none_for_the_server_are_taken() {
        let bad = "ftp://proxy";
        for environment in [
            &[][..],
            &[("HTTP_PROXY", "")],
            &[("HTTP_PROXY", "http://ada:secret@proxy:3128")],
            &[("HTTP_PROXY", "proxy:3128")],
            &[("HTTP_PROXY", "socks5h://proxy")],
            &[("HTTP_PROXY", "http://[::1]:3128")],
            // They apply to other servers.
            &[("HTTPS_PROXY", bad)],
            &[("HTTP_PROXY", bad), ("NO_PROXY", "a")],
            &[("ALL_PROXY", bad), ("no_proxy", "*")],
            &[("HTTP_PROXY", "http://proxy"), ("ALL_PROXY", bad)],
            &[("HTTP_PROXY", bad), ("REQUEST_METHOD", "GET")],
        ] {
            assert_eq!(check("http://a", environment), Ok(()), "{environment:?}");
        }
    }

    #[test]
    fn route_to_an_address_keeps_its_scope() {
        for address in ["10.0.0.1:80", "[fe80::1]:80", "[fe80::1%2]:80"] {
            let route = Route::to_address(&http::Uri::from_static("https://a/rpc"), address.parse().unwrap()).unwrap();
            assert_eq!(route.address().unwrap().to_string(), format!("https://{address}/"));
        }
    }

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
