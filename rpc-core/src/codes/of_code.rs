//! Questions to an [`ErrorCode`] that the table answers, such as its message, its meaning and its range.

use super::meaning::{HttpStatus, Limit, Meaning, Proof, RetryRule};
use super::table::CodeSpec;
use crate::{ErrorCode, ErrorKind};

/// The lowest code of the specification's reserved range, whose highest is -32000.
const RESERVED: i64 = -32768;

/// The lowest and the highest code of the framework, which stand above the specification's own.
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
    /// Tells whether the code is one of the framework's own, -32099 to -32090.
    #[inline]
    pub const fn is_framework(self) -> bool {
        self.get() >= FRAMEWORK.0 && self.get() <= FRAMEWORK.1
    }

    /// Tells whether a service may declare the code: anything but the specification's and the framework's own.
    #[inline]
    pub const fn is_for_services(self) -> bool {
        self.get() < RESERVED || self.get() > FRAMEWORK.1
    }

    /// Returns the message of the error, which is empty for codes that the table does not have.
    #[inline]
    pub const fn message(self) -> &'static str {
        match self.spec() {
            Some(spec) => spec.message,
            None => "",
        }
    }

    /// Returns what the code says to those who pass it on, count it or retry its call. Where the data names a reason,
    /// [`ErrorObject::meaning`](crate::ErrorObject::meaning) is more exact.
    ///
    /// Codes that the table does not have travel with HTTP 200 and prove nothing. The client retries them only where
    /// the method declares them as retryable. Those of services are errors of a method, any other is an internal error.
    pub const fn meaning(self) -> Meaning {
        match self.spec() {
            Some(spec) => spec.meaning,
            None => {
                let kind = if self.is_for_services() { ErrorKind::Method } else { ErrorKind::Internal };
                Meaning::new(HttpStatus::Ok, kind, Proof::Nothing, RetryRule::Never)
            }
        }
    }

    /// Tells whether the time of the call or of its request was up.
    #[inline]
    pub const fn is_timeout(self) -> bool {
        matches!(self.limit(), Some(Limit::Time))
    }

    /// Tells whether the request or the answer was over a limit of size.
    #[inline]
    pub const fn is_too_large(self) -> bool {
        matches!(self.limit(), Some(Limit::Size))
    }

    /// Tells whether the server had too much to do, of this caller or of all.
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
        for (code, free) in [(-32769, true), (-32768, false), (-32601, false), (-32100, false), (-32090, false)]
            .into_iter()
            .chain([(-32089, true), (-32000, true), (-31999, true), (0, true), (i64::MIN, true)])
        {
            assert_eq!(ErrorCode::new(code).is_for_services(), free, "{code}");
        }
    }
}
