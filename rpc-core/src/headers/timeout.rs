//! Reads the timeout of a caller from `Rpc-Timeout-Ms`.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use super::names::RPC_TIMEOUT_MS;

/// Reads from [`RPC_TIMEOUT_MS`] how long the caller of a request waits. Returns `None` if the caller does not say.
///
/// An invalid value counts as no header. The time counts from the arrival of the request's head.
///
/// # Example
///
/// A custom transport computes the deadline for the server that it passes requests to:
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use rpc::{RequestContext, headers};
///
/// let mut request = RequestContext::default();
/// request.headers.insert(headers::RPC_TIMEOUT_MS, http::HeaderValue::from_static("1500"));
///
/// let timeout = headers::timeout(&request.headers);
/// assert_eq!(timeout, Some(Duration::from_millis(1500)));
/// if let Some(deadline) = timeout.and_then(|timeout| Instant::now().checked_add(timeout)) {
///     request = request.with_deadline(deadline);
/// }
/// ```
pub fn timeout(headers: &HeaderMap) -> Option<Duration> {
    timeout_of(headers.get(RPC_TIMEOUT_MS)?)
}

/// Reads how long a caller waits from the header's value, or returns `None` if the value is invalid.
#[doc(hidden)]
pub fn timeout_of(value: &HeaderValue) -> Option<Duration> {
    digits(value.as_bytes()).map(Duration::from_millis)
}

/// Reads a number of up to 15 digits. Longer times are not needed, and no such number overflows.
pub(super) fn digits(text: &[u8]) -> Option<u64> {
    let is_number = (1..=15).contains(&text.len()) && text.iter().all(u8::is_ascii_digit);
    is_number.then(|| text.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use http::{HeaderMap, HeaderValue};

    use super::{RPC_TIMEOUT_MS, timeout};

    #[test]
    fn timeouts_are_plain_digits() {
        let read = |value| timeout(&HeaderMap::from_iter([(RPC_TIMEOUT_MS, HeaderValue::from_static(value))]));
        assert_eq!(read("0"), Some(Duration::ZERO));
        assert_eq!(read("1500"), Some(Duration::from_millis(1500)));
        for other in ["", "-1", "+1", "1.5", "1s", "1000000000000000", "99999999999999999999999999"] {
            assert_eq!(read(other), None, "{other}");
        }
        assert_eq!(timeout(&HeaderMap::new()), None);
    }
}
