//! [`ErrorSet`]: the error codes that an [`RpcError`](crate::RpcError) type declares, including those of the types it
//! wraps. The derive checks them for overlaps at compile time.

use crate::ErrorCode;

/// Lists the errors that an [`RpcError`](crate::RpcError) type can be, its own and those of the types it wraps.
#[derive(Clone, Copy, Debug)]
pub struct ErrorSet {
    own: &'static [ErrorSpec],
    wrapped: &'static [&'static ErrorSet],
    catches_all: bool,
}

impl ErrorSet {
    /// The set that takes any code.
    pub(super) const ANY: Self = Self { own: &[], wrapped: &[], catches_all: true };

    /// Makes a set of a type's own errors.
    pub const fn new(own: &'static [ErrorSpec]) -> Self {
        Self { own, wrapped: &[], catches_all: false }
    }

    /// Adds the sets of the types that are wrapped, in the order in which they are tried.
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

    /// Finds the error with this code.
    pub fn find(&self, code: ErrorCode) -> Option<&'static ErrorSpec> {
        self.own.iter().find(|spec| spec.code == code).or_else(|| self.wrapped.iter().find_map(|set| set.find(code)))
    }

    /// Tells whether the set takes any code, as [`ErrorObject`](crate::ErrorObject)'s does.
    pub const fn catches_all(&self) -> bool {
        self.catches_all
    }

    /// Tells whether the set, or one that is wrapped, takes codes that are not listed.
    #[cfg(feature = "openrpc")]
    pub(crate) fn takes_others(&self) -> bool {
        self.catches_all || self.wrapped.iter().any(|set| set.takes_others())
    }

    /// Checks that the wrapped set at this place shares no code with the type's own errors or with a set before it,
    /// and that it stands last if it takes any code.
    ///
    /// The derive calls this while compiling, for each type that is wrapped; the compiler then points at the caller.
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

/// Describes one error of a set.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct ErrorSpec {
    /// The code.
    pub code: ErrorCode,
    /// The name of the variant or struct.
    pub name: &'static str,
    /// What the message says, with `{field}` where it depends on the error, or empty where that is not known.
    pub message: &'static str,
    /// Whether the error says that the call had no effect and may be made again.
    pub retryable: bool,
    /// The types of the fields, where the error says `openrpc`.
    #[cfg(feature = "openrpc")]
    pub(crate) data: Option<&'static crate::openrpc::DataTypes>,
}

impl ErrorSpec {
    /// Describes an error that is not retryable.
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

    /// Says what the message is, with `{field}` where it depends on the error.
    #[must_use]
    pub const fn message(mut self, message: &'static str) -> Self {
        self.message = message;
        self
    }

    /// Says that the error leaves no effect, so that the call may be made again.
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
