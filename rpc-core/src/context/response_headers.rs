use std::fmt;
use std::sync::{Mutex, OnceLock, PoisonError};

use http::{HeaderMap, HeaderName, HeaderValue};

/// The maximum number of headers that the handlers of one request can set together. Common clients accept no more than
/// 100 in total.
const MAX_HEADERS: usize = 32;

/// The maximum size of these headers in bytes, names and values together.
const MAX_BYTES: usize = 8 << 10;

/// The headers that handlers have set on the response to their request. Few requests have any.
#[derive(Default)]
pub(super) struct ResponseHeaders(OnceLock<Box<Mutex<CollectedHeaders>>>);

#[derive(Default)]
struct CollectedHeaders {
    /// Each header with the place of its call in the request.
    headers: Vec<(u32, HeaderName, HeaderValue)>,
    bytes: usize,
}

impl ResponseHeaders {
    pub(super) fn add(&self, place: u32, name: HeaderName, value: HeaderValue) -> Result<(), ResponseHeaderError> {
        if is_reserved(&name) {
            return Err(ResponseHeaderError::Reserved(name));
        }
        let mut collected = self.0.get_or_init(Box::default).lock().unwrap_or_else(PoisonError::into_inner);
        let bytes = collected.bytes + name.as_str().len() + value.len();
        if collected.headers.len() == MAX_HEADERS || bytes > MAX_BYTES {
            return Err(ResponseHeaderError::TooMany);
        }
        collected.bytes = bytes;
        collected.headers.push((place, name, value));
        Ok(())
    }

    /// Takes the headers, in the order of the calls.
    #[inline]
    pub(super) fn take(&self) -> Option<Box<HeaderMap>> {
        self.0.get().map(|collected| in_order(collected))
    }
}

#[cold]
fn in_order(collected: &Mutex<CollectedHeaders>) -> Box<HeaderMap> {
    let mut collected = collected.lock().unwrap_or_else(PoisonError::into_inner);
    let mut headers = std::mem::take(&mut *collected).headers;
    drop(collected);
    headers.sort_by_key(|(place, ..)| *place);
    let mut map = HeaderMap::with_capacity(headers.len());
    for (_, name, value) in headers {
        map.append(name, value);
    }
    Box::new(map)
}

/// Shows no values, because they may hold secrets.
impl fmt::Debug for ResponseHeaders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResponseHeaders").finish_non_exhaustive()
    }
}

/// Returns whether a header is the framework's or HTTP's own.
fn is_reserved(name: &HeaderName) -> bool {
    const RESERVED: [&str; 14] = [
        "allow",
        "connection",
        "date",
        "host",
        "idempotency-key",
        "keep-alive",
        "proxy-authenticate",
        "proxy-connection",
        "retry-after",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "www-authenticate",
    ];
    let name = name.as_str();
    name.starts_with("rpc-") || name.starts_with("content-") || RESERVED.contains(&name)
}

/// Why a handler cannot set a header on its response.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseHeaderError {
    /// The name is not valid for a header.
    Name,
    /// The value is not valid for a header.
    Value,
    /// The header is the framework's or HTTP's own: `rpc-*`, `content-*`, `connection`, `date`, `retry-after` and so
    /// on.
    Reserved(HeaderName),
    /// The handlers of the request have already set 32 headers, or would exceed 8 KiB.
    TooMany,
}

impl fmt::Display for ResponseHeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name => f.write_str("this is not the name of a header"),
            Self::Value => f.write_str("this is not the value of a header"),
            Self::Reserved(name) => write!(f, "handlers cannot set the header `{name}`"),
            Self::TooMany => write!(f, "a response takes no more than {MAX_HEADERS} headers of handlers, nor 8 KiB"),
        }
    }
}

impl std::error::Error for ResponseHeaderError {}
