//! Parses the server's URL, and removes name and password from it, so that no error can quote them.

use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};
use percent_encoding::percent_decode_str;

use crate::failure::{Failure, FailureKind};

/// The server's address and the credentials in it.
#[derive(Debug)]
pub(super) struct HttpAddress {
    /// The address without name and password, which must not be printed.
    pub(super) uri: Uri,
    pub(super) authorization: Option<HeaderValue>,
}

impl HttpAddress {
    /// Parses an absolute URL.
    ///
    /// Error sources are left out: they may quote the address, which may hold a password.
    pub(super) fn parse(url: &str) -> Result<Self, Failure> {
        if !url.is_ascii() {
            return refuse("server's address must be ASCII: a host in its xn-- form, all else percent-encoded");
        }
        let Ok(uri) = url.trim().parse::<Uri>() else { return refuse("server's address is not a URL") };
        let mut parts = uri.into_parts();
        if !parts.scheme.as_ref().is_some_and(|scheme| [Scheme::HTTP, Scheme::HTTPS].contains(scheme)) {
            return refuse("server's address must begin with http:// or https://");
        }
        let Some(full) = parts.authority else { return refuse("server's address has no host") };
        let (user, host) = match full.as_str().rsplit_once('@') {
            Some((user, host)) => (Some(user), host),
            None => (None, full.as_str()),
        };
        if user.is_some_and(|user| user.contains('@')) {
            return refuse("a name or password in the server's address must be percent-encoded");
        }
        parts.authority = Some(authority(host)?);
        parts.path_and_query.get_or_insert(PathAndQuery::from_static("/"));
        let uri = Uri::from_parts(parts).map_err(|_| failure("server's address is not a URL"))?;
        Ok(Self { uri, authorization: user.map(basic).transpose()? })
    }
}

/// Checks host and port.
fn authority(text: &str) -> Result<Authority, Failure> {
    // A colon without a port means the scheme's default port.
    let text = text.strip_suffix(':').unwrap_or(text).to_ascii_lowercase();
    let authority: Authority = text.parse().map_err(|_| failure("server's address has no valid host"))?;
    if authority.host().is_empty() {
        return refuse("server's address has no host");
    }
    if !has_possible_port(&authority) {
        return refuse("server's address has no valid port: it must be a number from 1 to 65535");
    }
    Ok(authority)
}

/// Returns whether the port is valid or absent.
pub(super) fn has_possible_port(authority: &Authority) -> bool {
    // `Authority` accepts a sign before a number, and treats anything that is not a number below 65,536 as no port.
    let host = authority.as_str().rsplit_once('@').map_or(authority.as_str(), |(_, host)| host);
    match host.strip_prefix(authority.host()) {
        Some("") => true,
        Some(port) => authority.port_u16().is_some_and(|port| port > 0) && !port.contains('+'),
        None => false,
    }
}

/// Makes a header from `name:password`, as in [RFC 7617](https://www.rfc-editor.org/rfc/rfc7617).
fn basic(user: &str) -> Result<HeaderValue, Failure> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let mut plain: Vec<u8> = percent_decode_str(name).collect();
    plain.push(b':');
    plain.extend(percent_decode_str(password));
    let header = format!("Basic {}", BASE64_STANDARD.encode(plain));
    let mut header = HeaderValue::try_from(header).map_err(|_| failure("server's address is not a URL"))?;
    header.set_sensitive(true);
    Ok(header)
}

/// Returns whether the address is a loopback address.
pub(super) fn is_loopback(uri: &Uri) -> bool {
    let host = bare_host(uri);
    host.eq_ignore_ascii_case("localhost") || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Returns the host without the brackets around an IPv6 address.
pub(super) fn bare_host(uri: &Uri) -> &str {
    let host = uri.host().unwrap_or_default();
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

fn refuse<T>(why: &'static str) -> Result<T, Failure> {
    Err(failure(why))
}

fn failure(why: &'static str) -> Failure {
    Failure::new(FailureKind::Builder(why))
}

#[cfg(test)]
mod tests {
    use super::{HttpAddress, is_loopback};

    #[track_caller]
    fn parse(url: &str) -> (String, Option<String>) {
        let address = HttpAddress::parse(url).unwrap();
        let authorization = address.authorization.map(|header| {
            assert!(header.is_sensitive());
            header.to_str().unwrap().to_owned()
        });
        (address.uri.to_string(), authorization)
    }

    #[test]
    fn a_password_in_the_address_becomes_a_header() {
        let url = "http://127.0.0.1:1/rpc".to_owned();
        assert_eq!(parse("http://ada:secret@127.0.0.1:1/rpc"), (url.clone(), Some("Basic YWRhOnNlY3JldA==".into())));
        assert_eq!(parse(&url), (url.clone(), None));
        let escaped = "Basic YTpiOmNAZDol".to_owned();
        assert_eq!(parse("http://a%3Ab:c%40d%3A%25@127.0.0.1:1/rpc").1, Some(escaped));
        assert_eq!(parse("http://ada@127.0.0.1:1/rpc").1, Some("Basic YWRhOg==".into()));
    }

    #[test]
    fn addresses_are_brought_into_one_form() {
        for (url, form) in [
            ("http://a", "http://a/"),
            ("HTTP://Rpc.Example:8080?q=1", "http://rpc.example:8080/?q=1"),
            ("https://a:/rpc#part", "https://a/rpc"),
            ("http://[::1]:80/a%20b", "http://[::1]:80/a%20b"),
            (" http://a ", "http://a/"),
        ] {
            assert_eq!(parse(url).0, form);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for url in [
            "",
            "127.0.0.1:80",
            "ftp://a",
            "/rpc",
            "http://",
            "http://user:secret@",
            "http://:80",
            "http://a:65536",
            "http://a:0",
            "http://a:00",
            "http://a:-1",
            "http://a:+80",
            "http://ada:secret@a:99999",
            "http://ada:secret@a@b",
            "ws://a",
            "file:///rpc",
            "javascript:alert(1)",
            "httpx://a",
            "http://a:x",
            "http://a b",
            "http://bücher.example",
            "http://a/ü",
            "http://a:80:80",
            "http://[::1",
        ] {
            assert!(HttpAddress::parse(url).unwrap_err().is_builder(), "{url}");
        }
    }

    #[test]
    fn loopback_addresses_are_told_from_others() {
        let is_loopback = |url: &str| is_loopback(&HttpAddress::parse(url).unwrap().uri);
        assert!(["http://127.0.0.1:80", "http://[::1]:80", "http://LOCALHOST"].into_iter().all(is_loopback));
        assert!(!["http://10.0.0.1", "http://localhost.example", "http://127.example"].into_iter().any(is_loopback));
    }
}
