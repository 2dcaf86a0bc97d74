//! Compile errors that name a missing feature of the crate `rpc`.
//!
//! A method whose feature is off still exists, hidden, with a bound that no type satisfies. Otherwise rustc would
//! report an unknown method or a private field.

/// Makes a trait that no type implements for each feature.
macro_rules! features {
    ($($Trait:ident: $message:literal, $note:literal;)+) => { $(
        #[doc(hidden)]
        #[diagnostic::on_unimplemented(message = $message, label = "the feature is off", note = $note)]
        pub trait $Trait {}
    )+ };
}

features! {
    FeatureOpenrpc: "this method needs the feature `openrpc` of the crate `rpc`",
        "in Cargo.toml: `rpc = {{ version = \"..\", features = [\"openrpc\"] }}`";
    FeaturePrometheus: "this method needs the feature `prometheus` of the crate `rpc`",
        "in Cargo.toml: `rpc = {{ version = \"..\", features = [\"prometheus\"] }}`";
    FeatureServerTls: "this method needs the feature `server-tls` of the crate `rpc`",
        "in Cargo.toml: `rpc = {{ version = \"..\", features = [\"server-tls\"] }}`";
    FeatureTelemetry: "this method needs the feature `telemetry` of the crate `rpc`",
        "in Cargo.toml: `rpc = {{ version = \"..\", features = [\"telemetry\"] }}`";
    FeatureTls: "this method needs the feature `tls` of the crate `rpc`",
        "in Cargo.toml: `rpc = {{ version = \"..\", features = [\"tls\"] }}`";
}

/// Replaces a builder's method whose feature is off: `method: Trait`.
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_needs_feature {
    ($method:ident: $Trait:ident) => {
        #[doc(hidden)]
        pub fn $method<T: $crate::__private::$Trait>(self, _: T) -> Self {
            self
        }
    };
}
