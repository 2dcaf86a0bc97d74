//! [`Retry`], the retry policy that users set: how many attempts, and the delays between them.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::RETRY_AFTER;
use rpc_core::__private::settings;

settings! {
    /// A retry policy: how often the client retries a failed call, and after which delays.
    ///
    /// The client retries only where that is safe:
    ///
    /// - any call that did not reach the server, or that the server refused before a handler saw it;
    /// - a call with an unknown outcome, if its method is `readonly` or `idempotent`, or if it has an idempotency key
    ///   that the server remembers.
    ///
    /// Delays are exponential with full jitter: a random part of `min(cap, base * 2^n)`.
    ///
    /// Set it for a [client](crate::ClientBuilder::retry), for one of its
    /// [methods](crate::ClientBuilder::method_retry), for a [batch](crate::BatchCall::retry) or for a
    /// [call](crate::Call::retry). The last of these that is set applies.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let patient = rpc::Retry::exponential().max_attempts(6).base(Duration::from_millis(200));
    /// let client = rpc::Client::builder().endpoint("http://127.0.0.1:8080").retry(patient).build()?;
    /// # Ok::<(), rpc::Failure>(())
    /// ```
    #[derive(Clone, Copy, Debug, PartialEq)]
    pub struct Retry {
        /// The maximum number of attempts, the first one included. 0 counts as 1. Default: 3.
        pub max_attempts: u32 = 3,
        /// The longest delay before the second attempt. It doubles with each further attempt. Default: 50 ms.
        pub base: Duration = Duration::from_millis(50),
        /// The upper bound of every delay. Default: 20 s.
        pub cap: Duration = Duration::from_secs(20),
        /// The longest delay that a server can ask for. A longer `Retry-After` is reduced to this value. A longer delay
        /// in an error -32099, which says when the call is allowed again, ends the call with that error. Default: 20 s.
        pub max_retry_after: Duration = Duration::from_secs(20),
        /// Whether an HTTP 503 without the framework's headers proves that no handler saw the call. Default: false,
        /// since proxies also send 503 after they have forwarded a request. Servers of this framework mark their
        /// refusals and do not need this setting.
        pub bare_503_is_refusal: bool = false; no setter,
    }
}

impl Retry {
    /// Returns the default policy: up to three attempts, with delays of up to 50 ms, 100 ms and so on.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rpc::Retry;
    ///
    /// let retry = Retry::exponential().max_attempts(6);
    /// assert_eq!((retry.max_attempts, retry.base), (6, Duration::from_millis(50)));
    /// assert_eq!(Retry::exponential(), Retry::default());
    /// ```
    pub fn exponential() -> Self {
        Self::default()
    }

    /// Returns a policy with one attempt and no retries.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Retry};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// // No server listens at port 1.
    /// let client = Client::builder().endpoint("http://127.0.0.1:1").retry(Retry::never()).build()?;
    /// assert_eq!(client.call::<u64>("count", ()).await.unwrap_err().attempts().len(), 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn never() -> Self {
        Self::default().max_attempts(1)
    }

    /// Treats an HTTP 503 without the framework's headers as proof that no handler saw the call. This is only correct
    /// if everything between client and server sends 503 before it forwards a request, and never after.
    #[must_use]
    pub fn bare_503_is_refusal(mut self) -> Self {
        self.bare_503_is_refusal = true;
        self
    }

    /// Returns whether the policy allows no retries.
    pub(crate) fn is_never(&self) -> bool {
        self.max_attempts <= 1
    }

    /// Returns the delay after this many attempts, at least one. `random` is from 0 to 1.
    pub(crate) fn pause(&self, attempts: u32, random: f64) -> Duration {
        let doublings = attempts.saturating_sub(1).min(31);
        let longest = self.base.saturating_mul(1 << doublings).min(self.cap);
        longest.mul_f64(random.clamp(0.0, 1.0))
    }
}

/// Reads how long a server asks the client to wait: in seconds, or until a date. Values that a `Duration` cannot hold
/// become [`Duration::MAX`].
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(text.parse().map_or(Duration::MAX, Duration::from_secs));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(SystemTime::now()).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use http::header::RETRY_AFTER;
    use http::{HeaderMap, HeaderValue};

    use super::{Retry, retry_after};

    #[test]
    fn pauses_double_up_to_the_cap_and_are_a_random_part_of_that() {
        let retry = Retry::exponential().base(Duration::from_millis(50)).cap(Duration::from_millis(300));
        let longest: Vec<_> = (1..6).map(|attempts| retry.pause(attempts, 1.0).as_millis()).collect();
        assert_eq!(longest, [50, 100, 200, 300, 300]);
        assert_eq!(retry.pause(2, 0.25), Duration::from_millis(25));
        assert_eq!(retry.pause(u32::MAX, 0.0), Duration::ZERO);
        assert_eq!(Retry::exponential().base(Duration::MAX).pause(9, 1.0), Duration::from_secs(20));
    }

    #[test]
    fn a_wait_beyond_all_numbers_is_the_longest_one() {
        let read =
            |value: &str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(value).unwrap())]));
        for seconds in ["18446744073709551615", "18446744073709551616", &"9".repeat(1000)] {
            assert!(read(seconds) >= Some(Duration::from_secs(u64::MAX)), "{seconds}");
        }
        assert!(read("Fri, 31 Dec 9999 23:59:59 GMT") > Some(Duration::from_secs(200_000_000_000)));
        assert_eq!(read("000000000000000000000000000007"), Some(Duration::from_secs(7)));
    }

    #[test]
    fn servers_ask_for_seconds_or_until_a_date() {
        let read =
            |value: &str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_str(value).unwrap())]));
        assert_eq!(read("7"), Some(Duration::from_secs(7)));
        let later = SystemTime::now() + Duration::from_secs(100);
        let wait = read(&httpdate::fmt_http_date(later)).unwrap();
        assert!((95..=100).contains(&wait.as_secs()), "{wait:?}");
        assert_eq!(read("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        for none in ["soon", "", "-1", "+1", "1.5", "1e3", "0x10"] {
            assert_eq!(read(none), None, "{none}");
        }
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }
}
