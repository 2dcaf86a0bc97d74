//! [`ErrorSet`]: the error codes that an [`RpcError`](crate::RpcError) type declares, including those of the types it
//! wraps. The derive checks them for overlaps at compile time.

use crate::ErrorCode;

/// The errors that an [`RpcError`](crate::RpcError) type can represent, its own and those of the types that it wraps.
#[derive(Clone, Copy, Debug)]
pub struct ErrorSet {
    own: &'static [ErrorSpec],
    wrapped: &'static [&'static ErrorSet],
    catches_all: bool,
}

impl ErrorSet {
    /// The set that accepts any code.
    pub(super) const ANY: Self = Self { own: &[], wrapped: &[], catches_all: true };

    /// Makes a set of a type's own errors.
    pub const fn new(own: &'static [ErrorSpec]) -> Self {
        Self { own, wrapped: &[], catches_all: false }
    }

    /// Adds the sets of the wrapped types, in the order in which decoding tries them.
    #[must_use]
    pub const fn wraps(mut self, wrapped: &'static [&'static ErrorSet]) -> Self {
        self.wrapped = wrapped;
        self
    }

    /// Iterates over all errors of the set, the type's own first.
    pub fn iter(&self) -> impl Iterator<Item = &'static ErrorSpec> + use<> {
        let mut all: Vec<&'static ErrorSpec> = self.own.iter().collect();
        for set in self.wrapped {
            all.extend(set.iter());
        }
        all.into_iter()
    }

    /// Returns the error with this code.
    pub fn find(&self, code: ErrorCode) -> Option<&'static ErrorSpec> {
        self.own.iter().find(|spec| spec.code == code).or_else(|| self.wrapped.iter().find_map(|set| set.find(code)))
    }

    /// Returns whether the set accepts any code, as [`ErrorObject`](crate::ErrorObject)'s does.
    pub const fn catches_all(&self) -> bool {
        self.catches_all
    }

    /// Returns whether the set, or a wrapped one, accepts codes that are not listed.
    #[cfg(feature = "openrpc")]
    pub(crate) fn takes_others(&self) -> bool {
        self.catches_all || self.wrapped.iter().any(|set| set.takes_others())
    }

    /// Checks the wrapped set at this index. It must share no code with the type's own errors or with a set before it.
    /// If it accepts any code, it must be the last.
    ///
    /// The derive calls this at compile time for each wrapped type. The compiler then points at the caller.
    #[doc(hidden)]
    #[track_caller]
    pub const fn assert_wraps(&self, index: usize) {
        let set = self.wrapped[index];
        if set.catches_all && index + 1 < self.wrapped.len() {
            panic!(
                "an error that takes any code, as `ErrorObject` does, must be wrapped by the last transparent variant"
            );
        }
        if set.overlaps(self.own) {
            panic!("this error has a code that a variant has too");
        }
        let mut other = 0;
        while other < index {
            if set.overlaps_set(self.wrapped[other]) {
                panic!("this error has a code that an error wrapped before it has too");
            }
            other += 1;
        }
    }

    const fn overlaps_set(&self, other: &Self) -> bool {
        let mut i = 0;
        while i < other.wrapped.len() {
            if self.overlaps_set(other.wrapped[i]) {
                return true;
            }
            i += 1;
        }
        self.overlaps(other.own)
    }

    const fn overlaps(&self, specs: &[ErrorSpec]) -> bool {
        let mut i = 0;
        while i < specs.len() {
            let mut j = 0;
            while j < self.own.len() {
                if self.own[j].code.get() == specs[i].code.get() {
                    return true;
                }
                j += 1;
            }
            let mut j = 0;
            while j < self.wrapped.len() {
                if self.wrapped[j].overlaps(&[specs[i]]) {
                    return true;
                }
                j += 1;
            }
            i += 1;
        }
        false
    }
}

/// One error of a set.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ErrorSpec {
    /// The code.
    pub code: ErrorCode,
    /// The name of the variant or struct.
    pub name: &'static str,
    /// The message, with `{field}` for the parts that depend on the error, or empty if it is not known.
    pub message: &'static str,
    /// Whether the error says that the call had no effect and may be retried.
    pub retryable: bool,
    /// The types of the fields, if the error has `openrpc`.
    #[cfg(feature = "openrpc")]
    pub(crate) data: Option<&'static crate::openrpc::DataTypes>,
}

impl ErrorSpec {
    /// Makes the description of an error that is not retryable.
    pub const fn new(code: i64, name: &'static str) -> Self {
        Self {
            code: ErrorCode::new(code),
            name,
            message: "",
            retryable: false,
            #[cfg(feature = "openrpc")]
            data: None,
        }
    }

    /// Sets the message, with `{field}` for the parts that depend on the error.
    #[must_use]
    pub const fn message(mut self, message: &'static str) -> Self {
        self.message = message;
        self
    }

    /// Marks the error as retryable: the call had no effect and may be retried.
    #[must_use]
    pub const fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    #[doc(hidden)]
    #[cfg(feature = "openrpc")]
    #[must_use]
    pub const fn openrpc(mut self, data: &'static crate::openrpc::DataTypes) -> Self {
        self.data = Some(data);
        self
    }
}

impl PartialEq for ErrorSpec {
    fn eq(&self, other: &Self) -> bool {
        (self.code, self.name, self.message, self.retryable) == (other.code, other.name, other.message, other.retryable)
    }
}

impl Eq for ErrorSpec {}
