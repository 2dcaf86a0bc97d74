//! The facade as another crate would re-export it.

/// What users of a framework on top of the facade import.
pub mod prelude {
    pub use foo as framework;
}

use prelude::framework::{RpcError, service as contract};

/// An error: the dividend cannot be divided.
#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
#[error("cannot divide {0} by zero")]
#[rpc(code = 7, crate = crate::reexported::prelude::framework)]
pub struct DivisionByZero(pub i64);

/// A calculator.
#[contract(crate = crate::reexported::prelude::framework, rename_all = "SCREAMING_SNAKE_CASE")]
pub trait Math {
    /// Divides.
    ///
    /// # Errors
    ///
    /// If the divisor is zero.
    fn divide(&self, dividend: i64, divisor: i64) -> Result<i64, DivisionByZero>;
}

/// Paths to the facade can be relative to the trait.
pub mod relative {
    use super::prelude::framework;

    /// A service that answers.
    #[framework::service(crate = framework)]
    pub trait Ping {
        /// Answers.
        async fn ping(&self, #[rpc(context)] cx: &framework::Context) -> String;
    }

    /// A service that echoes.
    #[framework::service(crate = super::prelude::framework)]
    pub trait Echo {
        /// Returns its argument.
        async fn echo(&self, text: String) -> String;
    }
}
