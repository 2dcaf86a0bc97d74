//! Checks that an HTTP/1 request has one valid `Host`, which hyper does not. `serve` uses it, against request
//! smuggling. Which hosts are allowed is up to `host`.

use std::net::Ipv6Addr;

use http::header::HOST;
use http::{HeaderValue, Request, Version};

/// What is wrong with the header `Host` of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) enum HostFault {
    Missing,
    Doubled,
    Invalid,
}

impl HostFault {
    /// Returns the message for the client.
    pub(super) fn reason(self) -> &'static str {
        match self {
            Self::Missing => "a request over HTTP/1.1 must have the header Host",
            Self::Doubled => "a request must have the header Host only once",
            Self::Invalid => "the header Host must be a host and maybe a port",
        }
    }
}

/// Checks `Host` as [RFC 9112, section 3.2](https://www.rfc-editor.org/rfc/rfc9112#section-3.2) requires it of HTTP/1.
/// hyper does not check it.
///
/// Proxies route by the host. A proxy that reads an ambiguous head differently sees a different request.
pub(crate) fn check_host<B>(request: &Request<B>) -> Result<(), HostFault> {
    let headers = request.headers();
    // Most clients send it first and send no header twice. Then no search is needed.
    let first = headers.iter().next().filter(|(name, _)| **name == HOST && headers.len() == headers.keys_len());
    if let Some((_, host)) = first {
        return check_value(host);
    }
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next(), hosts.next()) {
        (None, _) if request.version() == Version::HTTP_10 => Ok(()),
        (None, _) => Err(HostFault::Missing),
        (Some(_), Some(_)) => Err(HostFault::Doubled),
        (Some(host), None) => check_value(host),
    }
}

fn check_value(host: &HeaderValue) -> Result<(), HostFault> {
    if is_host(host.as_bytes()) { Ok(()) } else { Err(HostFault::Invalid) }
}

/// Returns whether this is a host and an optional port, as
/// [RFC 3986, section 3.2.2](https://www.rfc-editor.org/rfc/rfc3986#section-3.2.2) defines them. A host may be empty.
fn is_host(text: &[u8]) -> bool {
    let port = match text {
        [b'[', rest @ ..] => after_address(rest),
        _ => Some(after_name(text)),
    };
    match port {
        Some([]) => true,
        Some([b':', digits @ ..]) => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

/// Returns what follows an IPv6 address and its bracket, or `None` without such an address.
fn after_address(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|byte| *byte == b']')?;
    let address = std::str::from_utf8(&text[..end]).ok()?;
    address.parse::<Ipv6Addr>().ok().map(|_| &text[end + 1..])
}

/// Returns what follows a name. The name may contain percent escapes.
fn after_name(mut text: &[u8]) -> &[u8] {
    loop {
        let end = text.iter().position(|byte| !IS_OF_NAME[usize::from(*byte)]).unwrap_or(text.len());
        text = match &text[end..] {
            [b'%', high, low, rest @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => rest,
            rest => return rest,
        };
    }
}

/// Whether a name may contain a byte unescaped, for each byte. A table, since each request has a host.
const IS_OF_NAME: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 128 {
        let letter = byte as u8;
        table[byte] = letter.is_ascii_alphanumeric()
            || matches!(letter, b'-' | b'.' | b'_' | b'~' | b'!' | b'$' | b'&'..=b',' | b';' | b'=');
        byte += 1;
    }
    table
};
