use std::net::IpAddr;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderValue, Uri};

use crate::Failure;
use crate::failure::Kind;

/// A server's address, without what must not be shown.
#[derive(Clone)]
pub(super) struct Address {
    pub(super) uri: Uri,
    /// What a name and a password in the address say.
    pub(super) authorization: Option<HeaderValue>,
}

impl Address {
    /// Reads an absolute URL with the scheme `http` or `https`.
    pub(super) fn parse(url: &str) -> Result<Self, Failure> {
        // A fragment is for browsers and is not sent.
        let url = url.split('#').next().unwrap_or_default().trim();
        if !url.is_ascii() {
            return Err(refuse("server's address must be in ASCII: international names are written as xn--.."));
        }
        let uri: Uri =
            url.parse().map_err(|error| Failure::with_source(Kind::Builder("server's address is not a URL"), error))?;
        let mut parts = uri.into_parts();
        let scheme = parts.scheme.as_ref().map(Scheme::as_str);
        if !matches!(scheme, Some("http" | "https")) {
            return Err(refuse("server's address must begin with http:// or https://"));
        }
        let Some(authority) = parts.authority.take() else { return Err(refuse("server's address has no host")) };
        let (authority, authorization) = split(&authority)?;
        if authority.host().is_empty() {
            return Err(refuse("server's address has no host"));
        }
        parts.authority = Some(authority);
        parts.path_and_query.get_or_insert_with(|| PathAndQuery::from_static("/"));
        let uri = Uri::from_parts(parts)
            .map_err(|error| Failure::with_source(Kind::Builder("server's address is not a URL"), error))?;
        Ok(Self { uri, authorization })
    }

    pub(super) fn is_https(&self) -> bool {
        self.uri.scheme() == Some(&Scheme::HTTPS)
    }

    /// Tells whether the address leads to this very machine.
    pub(super) fn is_loopback(&self) -> bool {
        let host = self.uri.host().unwrap_or_default();
        let ip = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
        host.eq_ignore_ascii_case("localhost") || ip.is_ok_and(|ip| ip.is_loopback())
    }

    /// Returns what the header `Host` says.
    pub(super) fn host(&self) -> Option<HeaderValue> {
        let authority = self.uri.authority()?;
        let default = if self.is_https() { 443 } else { 80 };
        let host = if authority.port_u16() == Some(default) { authority.host() } else { authority.as_str() };
        HeaderValue::from_str(host).ok()
    }
}

/// Moves a name and a password from the address into a header.
fn split(authority: &Authority) -> Result<(Authority, Option<HeaderValue>), Failure> {
    let Some((user, host)) = authority.as_str().rsplit_once('@') else {
        return Ok((authority.clone(), None));
    };
    let host = host.parse::<Authority>().map_err(|_| refuse("server's address is not a URL"))?;
    let user = percent_encoding::percent_decode_str(user).collect::<Vec<u8>>();
    let user = if user.contains(&b':') { user } else { [&user[..], b":"].concat() };
    let mut value = HeaderValue::try_from(format!("Basic {}", BASE64_STANDARD.encode(user)))
        .map_err(|_| refuse("name and password of the server's address cannot be sent"))?;
    value.set_sensitive(true);
    Ok((host, Some(value)))
}

fn refuse(why: &'static str) -> Failure {
    Failure::new(Kind::Builder(why))
}

#[cfg(test)]
mod tests {
    use super::Address;

    fn address(url: &str) -> Address {
        Address::parse(url).unwrap()
    }

    #[test]
    fn a_password_in_the_address_becomes_a_header() {
        let address = address("http://ada:sec%3Aret@127.0.0.1:1/rpc?a=b#c");
        assert_eq!(address.uri, "http://127.0.0.1:1/rpc?a=b");
        let authorization = address.authorization.unwrap();
        assert_eq!(authorization, "Basic YWRhOnNlYzpyZXQ=");
        assert!(authorization.is_sensitive());
        let address = Address::parse("http://ada@127.0.0.1").unwrap();
        assert_eq!(
            (address.uri.to_string(), address.authorization.unwrap()),
            ("http://127.0.0.1/".into(), "Basic YWRhOg==".parse().unwrap())
        );
    }

    #[test]
    fn loopback_addresses_are_told_from_others() {
        let is_loopback = |url: &str| address(url).is_loopback();
        assert!(["http://127.0.0.1:80", "http://[::1]:80", "http://LOCALHOST"].into_iter().all(is_loopback));
        assert!(!["http://10.0.0.1", "http://localhost.example", "http://127.example"].into_iter().any(is_loopback));
    }

    #[test]
    fn the_host_is_sent_without_a_default_port() {
        let host = |url: &str| address(url).host().unwrap();
        assert_eq!(host("http://a:80"), "a");
        assert_eq!(host("https://a:443"), "a");
        assert_eq!(host("http://ada:secret@a:443"), "a:443");
        assert_eq!(host("http://[::1]:8080"), "[::1]:8080");
    }

    #[test]
    fn only_http_and_https_are_addresses() {
        for url in ["", "127.0.0.1:80", "ftp://a", "/rpc", "http://", "http://a b", "http://:80", "http://é.example"] {
            assert!(Address::parse(url).is_err_and(|failure| failure.is_builder()), "{url}");
        }
    }
}
