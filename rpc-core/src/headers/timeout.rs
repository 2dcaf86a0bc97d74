//! Reads the time that a caller gives in `Rpc-Timeout-Ms`.

use std::time::Duration;

use http::{HeaderMap, HeaderValue};

use super::names::RPC_TIMEOUT_MS;

/// Reads from [`RPC_TIMEOUT_MS`] how long the caller of a request waits, or `None` where it does not say.
///
/// A value that is not as it should be counts as no header. The time is counted from when the head of the request has
/// arrived.
///
/// # Example
///
/// A transport of your own counts it for the server that it hands requests to:
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

/// Reads how long a caller waits from the value of the header, or `None` where it is not as it should be.
#[doc(hidden)]
pub fn timeout_of(value: &HeaderValue) -> Option<Duration> {
    digits(value.as_bytes()).map(Duration::from_millis)
}

/// Reads a number of up to 15 digits: nobody waits for longer than these can say, and none of them overflows.
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
