//! The error of a connection that could not be made. It stores the address, so that [`Failure`](crate::Failure) can
//! name it.

use std::error::Error as StdError;
use std::fmt;

use http::Uri;

use super::stream::BoxConnectError;

/// Why no connection could be made, and to which address. `Display` shows only the reason.
#[derive(Debug)]
pub(super) struct ConnectError {
    /// The server's address, and the proxy's if there is one, without credentials, path and query.
    to: Box<str>,
    why: BoxConnectError,
}

impl ConnectError {
    pub(super) fn new(server: &Uri, proxy: Option<&Uri>, why: BoxConnectError) -> Self {
        let to = match proxy {
            None => origin(server),
            Some(proxy) => format!("{} through the proxy {}", origin(server), origin(proxy)),
        };
        Self { to: to.into(), why }
    }

    /// Returns the address of the connection that could not be made.
    pub(super) fn address(error: &(dyn StdError + 'static)) -> Option<Box<str>> {
        let mut errors = std::iter::successors(Some(error), |error| (*error).source());
        errors.find_map(|error| error.downcast_ref::<Self>()).map(|error| error.to.clone())
    }
}

/// Returns scheme, host and port, if the address has them.
fn origin(uri: &Uri) -> String {
    let (scheme, host) = (uri.scheme_str().unwrap_or_default(), uri.host().unwrap_or_default());
    match uri.port() {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    }
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.why.fmt(f)
    }
}

impl StdError for ConnectError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.why.source()
    }
}

#[cfg(test)]
mod tests {
    use http::Uri;

    use super::ConnectError;

    #[test]
    fn an_address_is_shown_without_credentials_path_and_query() {
        for (server, proxy, shown) in [
            ("http://a:8080/secret?token=secret", None, "http://a:8080"),
            ("https://[::1]/", None, "https://[::1]"),
            (
                "http://ada:secret@a/",
                Some("socks5h://b:c@proxy:9050"),
                "http://a through the proxy socks5h://proxy:9050",
            ),
        ] {
            let proxy = proxy.map(Uri::from_static);
            let error = ConnectError::new(&Uri::from_static(server), proxy.as_ref(), "refused".into());
            assert_eq!(ConnectError::address(&error).as_deref(), Some(shown));
            assert_eq!(error.to_string(), "refused");
        }
    }
}
