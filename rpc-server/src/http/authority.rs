//! Parses host and port, as in the headers `Host` and `Origin`. `host`, `origin` and `settings` use it. `host_header`
//! does not: it follows the looser grammar of RFC 3986.

use std::net::Ipv6Addr;

/// A host and an optional port, as headers name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Authority<'a> {
    /// A name or an address. IPv6 addresses have their brackets.
    pub(crate) host: &'a str,
    pub(crate) port: Port,
}

/// The port after a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Port {
    Absent,
    /// A colon without digits, which [RFC 9110, section 7.2](https://www.rfc-editor.org/rfc/rfc9110#section-7.2) allows
    /// in `Host`.
    Empty,
    Number(u16),
}

impl<'a> Authority<'a> {
    /// Parses a host and an optional port, and nothing else: no user info, and no port outside of 1 to 65535.
    ///
    /// Names consist of letters, digits, hyphens, underscores and dots, as the names of machines do.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let end = if text.starts_with('[') {
            let end = text.find(']')?;
            text[1..end].parse::<Ipv6Addr>().ok()?;
            end + 1
        } else {
            text.find(':').unwrap_or(text.len())
        };
        let (host, port) = text.split_at(end);
        if !host.starts_with('[') && !is_name(host) {
            return None;
        }
        let port = match port.strip_prefix(':') {
            None if port.is_empty() => Port::Absent,
            None => return None,
            Some("") => Port::Empty,
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                Port::Number(digits.parse().ok().filter(|port| *port != 0)?)
            }
            Some(_) => return None,
        };
        Some(Self { host, port })
    }
}

/// Returns whether this is a possible name of a machine. A dot at the end is allowed, as in DNS.
fn is_name(host: &str) -> bool {
    let labels = host.strip_suffix('.').unwrap_or(host);
    let is_of_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    labels.split('.').all(|label| !label.is_empty() && label.bytes().all(is_of_name))
}

/// Returns a host as requests name it, or else why it is invalid.
pub(super) fn listed(host: &str) -> Result<String, &'static str> {
    if !host.is_ascii() {
        return Err("international names are written in their xn-- form");
    }
    if host.contains('*') {
        return Err("there are no wildcards, so each host is listed by itself");
    }
    match Authority::parse(host) {
        Some(Authority { host, .. }) if host.ends_with('.') => Err("it is written without a dot at its end"),
        Some(Authority { host, port: Port::Absent }) => Ok(host.to_ascii_lowercase()),
        _ => Err("it is a name or an address, without a scheme, user info, port or path"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Authority, Port, listed};

    #[test]
    fn a_host_is_a_name_or_an_address_and_maybe_a_port() {
        for (text, host, port) in [
            ("api.example", "api.example", Port::Absent),
            ("api.example.", "api.example.", Port::Absent),
            ("my_service-1:8080", "my_service-1", Port::Number(8080)),
            ("localhost:", "localhost", Port::Empty),
            ("127.0.0.1:00080", "127.0.0.1", Port::Number(80)),
            ("[::1]", "[::1]", Port::Absent),
            ("[fd00::1]:65535", "[fd00::1]", Port::Number(65535)),
        ] {
            assert_eq!(Authority::parse(text), Some(Authority { host, port }), "{text}");
        }
    }

    #[test]
    fn nothing_else_is_a_host() {
        for text in [
            "",
            ":80",
            ".",
            "a..b",
            ".a",
            "a b",
            "a/b",
            "*",
            "ä.example",
            "a%2eb",
            "user@localhost",
            "user:password@localhost",
            "localhost:0",
            "localhost:99999",
            "localhost:0x50",
            "localhost:-1",
            "localhost:+80",
            "localhost:80:80",
            "localhost:80@evil.example",
            "::1",
            "[::1",
            "[::1]80",
            "[fe80::1%25eth0]",
            "[v1.a]",
            "[127.0.0.1]",
        ] {
            assert_eq!(Authority::parse(text), None, "{text}");
        }
    }

    #[test]
    fn hosts_that_no_request_names_cannot_be_listed() {
        assert_eq!(listed("API.example").as_deref(), Ok("api.example"));
        for host in ["user@api.example", "api.example.", "api.example:", "ftp://api.example", "\u{e4}.example", "*"] {
            assert!(listed(host).is_err(), "{host}");
        }
    }
}
