//! Questions about an [`ErrorCode`] that the table answers, such as its message, its meaning and its range.

use super::meaning::{HttpStatus, Limit, Meaning, Proof, RetryRule};
use super::table::CodeSpec;
use crate::{ErrorCode, ErrorKind};

/// The lowest code of the range that the specification reserves. The highest is -32000.
const RESERVED: i64 = -32768;

/// The lowest and the highest code of the framework. They are above the specification's own.
const FRAMEWORK: (i64, i64) = {
    let (mut lowest, mut highest) = (i64::MAX, i64::MIN);
    let mut rest = CodeSpec::ALL;
    while let [row, others @ ..] = rest {
        let code = row.code.get();
        if code > ErrorCode::INVALID_REQUEST.get() {
            (lowest, highest) =
                (if code < lowest { code } else { lowest }, if code > highest { code } else { highest });
        }
        rest = others;
    }
    (lowest, highest)
};

impl ErrorCode {
    /// Returns whether the code is one of the framework's own, -32099 to -32089.
    #[inline]
    pub const fn is_framework(self) -> bool {
        self.get() >= FRAMEWORK.0 && self.get() <= FRAMEWORK.1
    }

    /// Returns whether a service may declare the code: any code except the specification's and the framework's own.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::ErrorCode;
    ///
    /// assert!(ErrorCode::new(1001).is_for_services());
    /// assert!(ErrorCode::new(-32000).is_for_services());
    /// // These belong to the specification and to the framework.
    /// assert!(!ErrorCode::METHOD_NOT_FOUND.is_for_services());
    /// assert!(!ErrorCode::OVERLOADED.is_for_services());
    /// ```
    #[inline]
    pub const fn is_for_services(self) -> bool {
        self.get() < RESERVED || self.get() > FRAMEWORK.1
    }

    /// Returns the message of the error. It is empty for codes that are not in the table.
    #[inline]
    pub const fn message(self) -> &'static str {
        match self.spec() {
            Some(spec) => spec.message,
            None => "",
        }
    }

    /// Returns what the code means to code that passes the error on, counts it or retries its call. If the data names a
    /// reason, [`ErrorObject::meaning`](crate::ErrorObject::meaning) is more exact.
    ///
    /// Codes that are not in the table travel with HTTP 200 and prove nothing. The client retries them only if the
    /// method declares them as retryable. Codes of services have the kind *Method*, all others *Internal*.
    pub const fn meaning(self) -> Meaning {
        match self.spec() {
            Some(spec) => spec.meaning,
            None => {
                let kind = if self.is_for_services() { ErrorKind::Method } else { ErrorKind::Internal };
                Meaning::new(HttpStatus::Ok, kind, Proof::Nothing, RetryRule::Never)
            }
        }
    }

    /// Returns whether the time of the call or of its request was over.
    #[inline]
    pub const fn is_timeout(self) -> bool {
        matches!(self.limit(), Some(Limit::Time))
    }

    /// Returns whether the request or the answer was over a size limit.
    #[inline]
    pub const fn is_too_large(self) -> bool {
        matches!(self.limit(), Some(Limit::Size))
    }

    /// Returns whether the server had too much load, from this caller or in total.
    #[inline]
    pub const fn is_overloaded(self) -> bool {
        matches!(self.limit(), Some(Limit::Load))
    }

    const fn limit(self) -> Option<Limit> {
        match self.spec() {
            Some(spec) => spec.limit,
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::ErrorCode;

    #[test]
    fn services_may_use_all_but_the_reserved_codes() {
        for (code, free) in [(-32769, true), (-32768, false), (-32601, false), (-32100, false), (-32089, false)]
            .into_iter()
            .chain([(-32088, true), (-32000, true), (-31999, true), (0, true), (i64::MIN, true)])
        {
            assert_eq!(ErrorCode::new(code).is_for_services(), free, "{code}");
        }
    }
}
