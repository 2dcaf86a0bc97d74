//! The data of [`ErrorCode::RATE_LIMITED`]: when the caller may retry.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{ErrorCode, ErrorObject};

/// The data of [`ErrorCode::RATE_LIMITED`].
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct RateLimitData<N> {
    retry_after_ms: N,
}

impl ErrorObject {
    /// Makes the error for a caller over its rate limit. The caller may retry after this many milliseconds.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let error = rpc::ErrorObject::rate_limited(250);
    /// assert_eq!(error.data().unwrap().get(), r#"{"retryAfterMs":250}"#);
    /// assert_eq!(error.retry_after(), Some(Duration::from_millis(250)));
    /// ```
    pub fn rate_limited(retry_after_ms: u32) -> Self {
        Self::from(ErrorCode::RATE_LIMITED).with_data(&RateLimitData { retry_after_ms })
    }

    /// Returns how long a rate-limited caller must wait before it retries, or `None` if the error does not say so.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rpc::ErrorObject;
    ///
    /// let json = r#"{"code":-32099,"message":"Rate limit exceeded","data":{"retryAfterMs":1500}}"#;
    /// let error: ErrorObject = serde_json::from_str(json)?;
    /// assert_eq!(error.retry_after(), Some(Duration::from_millis(1500)));
    /// assert_eq!(ErrorObject::internal().retry_after(), None);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn retry_after(&self) -> Option<Duration> {
        if self.code() != ErrorCode::RATE_LIMITED {
            return None;
        }
        let RateLimitData::<f64> { retry_after_ms } = self.decode_data().ok()?;
        let is_time = retry_after_ms >= 0.0;
        // At this point, only a time beyond the range of `Duration` fails.
        is_time.then(|| Duration::try_from_secs_f64(retry_after_ms / 1000.0).unwrap_or(Duration::MAX))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::ErrorObject;

    #[test]
    fn a_time_that_is_none_is_not_returned() {
        let data = |json: &str| serde_json::from_str(json).unwrap();
        let read = |code: i64, json| ErrorObject::new(code, "").with_raw_data(data(json)).retry_after();
        assert_eq!(read(-32099, r#"{"retryAfterMs":1.5}"#), Some(Duration::from_micros(1500)));
        assert_eq!(read(-32099, r#"{"retryAfterMs":1e300}"#), Some(Duration::MAX));
        for json in ["{}", "null", r#"{"retryAfterMs":-1}"#, r#"{"retryAfterMs":"1"}"#] {
            assert_eq!(read(-32099, json), None, "{json}");
        }
        assert_eq!(read(-32092, r#"{"retryAfterMs":1}"#), None);
        assert_eq!(ErrorObject::internal().retry_after(), None);
    }
}
