//! The macro behind [`Denial`](crate::Denial) and [`KeyRefusal`](crate::KeyRefusal): an enum of the reasons of one
//! code, each with a meaning of its own.

/// Declares the reasons of a code whose data is `{"reason": ..}`: an enum, and a meaning for each reason.
macro_rules! reasons {
    (
        $(#[$enum_doc:meta])*
        pub enum $name:ident of $code:ident {
            $(
                $(#[$doc:meta])*
                $variant:ident = $reason:literal {
                    http: $http:expr,
                    kind: $kind:expr,
                    proof: $proof:expr,
                    retry: $retry:expr,
                }
            )+
        }
    ) => {
        $(#[$enum_doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[non_exhaustive]
        pub enum $name {
            $(
                $(#[$doc])*
                #[serde(rename = $reason)]
                $variant,
            )+
        }

        impl $name {
            /// All reasons.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// Returns the reason as written in the data.
            pub const fn reason(self) -> &'static str {
                match self {
                    $(Self::$variant => $reason,)+
                }
            }

            /// Returns what the error means to code that passes it on, counts it or retries its call.
            pub const fn meaning(self) -> $crate::codes::Meaning {
                match self {
                    $(Self::$variant => $crate::codes::Meaning::new($http, $kind, $proof, $retry),)+
                }
            }

            /// Reads the reason from an error. Returns `None` for another code, and for an unknown reason.
            pub fn from_error_object(error: &$crate::ErrorObject) -> Option<Self> {
                // The enum's own `Deserialize` would also accept an object, as serde writes enums with data.
                #[derive(serde::Deserialize)]
                struct ReasonData<'a> {
                    #[serde(borrow)]
                    reason: std::borrow::Cow<'a, str>,
                }
                if error.code() != $crate::ErrorCode::$code {
                    return None;
                }
                let data: ReasonData<'_> = error.decode_data().ok()?;
                Self::ALL.iter().copied().find(|known| known.reason() == data.reason)
            }
        }
    };
}

pub(crate) use reasons;
