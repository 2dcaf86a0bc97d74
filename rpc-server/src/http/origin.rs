//! Decides which web origins may send requests. Compares the header `Origin` with the list that users configure, in the
//! form in which browsers write it. `head` and `pages` use it. CORS headers are up to the user's layers.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv6Addr};

use http::HeaderValue;

use super::authority::{Authority, Port};

/// Returns whether requests with this origin are allowed.
pub(super) fn is_allowed(origin: &HeaderValue, allowed: &[String], loopback: bool) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    let origin = origin.to_ascii_lowercase();
    if allowed.contains(&origin) {
        return true;
    }
    // Clients other than browsers may write the same origin differently.
    Origin::parse(&origin)
        .is_some_and(|origin| (loopback && origin.is_loopback()) || allowed.contains(&origin.as_browsers_write_it()))
}

/// An origin in the form that [RFC 6454, section 6.2](https://www.rfc-editor.org/rfc/rfc6454#section-6.2) defines for
/// browsers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Origin<'a> {
    scheme: &'a str,
    pub(super) host: &'a str,
    port: Option<u16>,
}

impl<'a> Origin<'a> {
    /// Parses an origin in lower case. Returns `None` if it is not one, such as the `null` of pages without an origin.
    pub(super) fn parse(origin: &'a str) -> Option<Self> {
        let (scheme, authority) = origin.split_once("://")?;
        let is_of_scheme = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
        let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic());
        if !is_scheme || !scheme.bytes().all(is_of_scheme) {
            return None;
        }
        let Authority { host, port } = Authority::parse(authority)?;
        let port = match port {
            Port::Absent => None,
            Port::Empty => return None,
            Port::Number(port) => Some(port),
        };
        Some(Self { scheme, host, port })
    }

    /// Returns the origin without a default port, and with an IPv6 address in its shortest form.
    fn as_browsers_write_it(&self) -> String {
        let Self { scheme, host, port } = *self;
        let host = canonical(host);
        match (scheme, port) {
            (_, None) | ("https", Some(443)) | ("http", Some(80)) => format!("{scheme}://{host}"),
            (_, Some(port)) => format!("{scheme}://{host}:{port}"),
        }
    }

    /// Returns whether this is an origin of pages of this machine.
    fn is_loopback(&self) -> bool {
        matches!(self.scheme, "http" | "https") && is_loopback(self.host)
    }
}

/// Returns an origin as browsers write it, so that it can be compared, or else why it is invalid.
pub(crate) fn listed(origin: &str) -> Result<String, &'static str> {
    if origin.is_empty() {
        return Err("it is empty");
    }
    if origin.eq_ignore_ascii_case("null") {
        return Err("files and sandboxed pages of anybody have this origin");
    }
    if !origin.is_ascii() {
        return Err("international names are written in their xn-- form");
    }
    if origin.contains('*') {
        return Err("there are no wildcards, so each origin is listed by itself");
    }
    if origin.contains('@') {
        return Err("an origin has no user info");
    }
    let origin = origin.to_ascii_lowercase();
    let Some((_, authority)) = origin.split_once("://") else {
        return Err("it begins with a scheme, such as https://");
    };
    if authority.contains(['/', '?', '#']) {
        return Err("it ends behind the host and the port, without a slash or a path");
    }
    let Some(read) = Origin::parse(&origin) else {
        return Err("it is a scheme, a host and maybe a port from 1 to 65535");
    };
    if matches!(read.scheme, "blob" | "data" | "file" | "ftp" | "javascript" | "ws" | "wss") {
        return Err("no web page has an origin with this scheme");
    }
    if read.host.ends_with('.') {
        return Err("the name of the host is written without a dot at its end");
    }
    if is_odd_address(read.host) {
        return Err("an address of IPv4 is written as four numbers");
    }
    Ok(read.as_browsers_write_it())
}

/// Returns whether browsers read a host as an IPv4 address and write it differently, such as `127.1`.
fn is_odd_address(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    let is_number = last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x");
    !host.starts_with('[') && is_number && host.parse::<IpAddr>().is_err()
}

/// Returns an IPv6 address as browsers write it, and any other host unchanged.
pub(super) fn canonical(host: &str) -> Cow<'_, str> {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match bare.and_then(|bare| bare.parse::<Ipv6Addr>().ok()) {
        Some(ip) => Cow::Owned(format!("[{ip}]")),
        None => Cow::Borrowed(host),
    }
}

pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.ends_with(".localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::{Origin, is_allowed, listed};

    #[test]
    fn origins_have_scheme_and_host_and_no_path() {
        for origin in ["https://app.example", "http://localhost:8080", "http://[::1]:1", "chrome-extension://abc"] {
            assert!(Origin::parse(origin).is_some(), "{origin}");
        }
        for other in [
            "null",
            "",
            "app.example",
            "https://app.example/",
            "https://app.example/a",
            "https://app.example?a",
            "https://app.example#a",
            "https://",
            "://app.example",
            "1http://app.example",
            "http://user@localhost",
            "http://localhost:",
            "http://localhost:99999",
            "http://localhost:0",
            "http://localhost:0x",
        ] {
            assert!(Origin::parse(other).is_none(), "{other}");
        }
    }

    #[test]
    fn listed_origins_are_written_as_browsers_do() {
        for (origin, expected) in [
            ("https://App.Example", "https://app.example"),
            ("https://app.example:443", "https://app.example"),
            ("http://app.example:80", "http://app.example"),
            ("http://app.example:443", "http://app.example:443"),
            ("http://app.example:08080", "http://app.example:8080"),
            ("http://[0:0::1]:81", "http://[::1]:81"),
            ("chrome-extension://abc", "chrome-extension://abc"),
        ] {
            assert_eq!(listed(origin).as_deref(), Ok(expected));
        }
        for (origin, reason) in [
            ("https://user@app.example", "user info"),
            ("https://user:password@app.example", "user info"),
            ("ftp://app.example", "scheme"),
            ("file://app.example", "scheme"),
            ("wss://app.example", "scheme"),
            ("https://app.example.", "dot"),
            ("https://\u{e4}.example", "xn--"),
            ("https://app.example:99999", "65535"),
            ("https://app.example:0", "65535"),
            ("https://app.example:", "65535"),
            ("https://app.example:0x50", "65535"),
            ("https://", "host"),
            ("https://a b", "host"),
            ("https://*.example", "wildcards"),
            ("https://app.example:*", "wildcards"),
            ("*", "wildcards"),
            ("https://app.example/", "slash"),
            ("https://app.example/a", "path"),
            ("https://app.example?a", "path"),
            ("https://app.example#a", "path"),
            ("app.example", "scheme"),
            ("null", "sandboxed"),
            ("NULL", "sandboxed"),
            ("", "empty"),
            ("http://127.1", "four numbers"),
            ("http://0x7f000001", "four numbers"),
            ("http://127.0.0.0x1", "four numbers"),
        ] {
            assert!(listed(origin).unwrap_err().contains(reason), "{origin}");
        }
    }

    #[test]
    fn loopback_origins_are_allowed_on_loopback_only() {
        for origin in ["http://localhost:3000", "http://127.0.0.1", "https://[::1]:8443", "HTTP://LOCALHOST"] {
            let origin = HeaderValue::from_static(origin);
            assert!(is_allowed(&origin, &[], true));
            assert!(!is_allowed(&origin, &[], false));
        }
        for origin in ["ftp://localhost", "tauri://localhost", "http://user@localhost", "http://localhost:99999"] {
            assert!(!is_allowed(&HeaderValue::from_static(origin), &[], true), "{origin}");
        }
        for origin in ["http://evil.example", "null", "http://127.0.0.1.evil.example", "http://localhost.evil.example"]
        {
            assert!(!is_allowed(&HeaderValue::from_static(origin), &[], true), "{origin}");
        }
    }

    #[test]
    fn listed_origins_are_allowed_whatever_their_case() {
        let allowed = ["https://app.example".to_owned()];
        assert!(is_allowed(&HeaderValue::from_static("https://App.Example"), &allowed, false));
        assert!(!is_allowed(&HeaderValue::from_static("http://app.example"), &allowed, false));
        assert!(!is_allowed(&HeaderValue::from_static("https://app.example:444"), &allowed, false));
    }

    #[test]
    fn an_origin_with_its_default_port_is_the_one_without() {
        let allowed = ["https://a", "http://b", "http://c:8080", "http://[::1]"].map(|origin| listed(origin).unwrap());
        for origin in ["https://a:443", "http://b:80", "http://c:08080", "http://[0:0::1]:80"] {
            assert!(is_allowed(&HeaderValue::from_static(origin), &allowed, false), "{origin}");
        }
        for origin in ["http://a:443", "https://a:80", "http://b:443", "http://c", "http://user@b", "http://b./"] {
            assert!(!is_allowed(&HeaderValue::from_static(origin), &allowed, false), "{origin}");
        }
    }
}
