//! What the client rejects when a feature is off. `cargo xtask ci` runs this without the feature.

use crate::{Client, Outcome};

#[test]
fn an_encrypted_address_is_refused_and_the_missing_feature_named() {
    let failure = Client::new("https://127.0.0.1:1").unwrap_err();
    assert!(failure.is_builder());
    assert_eq!(failure.outcome(), Outcome::NotSent);
    assert!(failure.to_string().contains("feature `tls`"), "{failure}");
    assert!(Client::new("http://127.0.0.1:1").is_ok());
}

/// Satisfies the bounds that no user type satisfies.
#[cfg(not(feature = "telemetry"))]
struct On;

#[cfg(not(feature = "telemetry"))]
impl crate::__private::FeatureTelemetry for On {}

#[cfg(not(feature = "telemetry"))]
impl crate::__private::FeatureTls for On {}

#[cfg(not(feature = "telemetry"))]
#[test]
fn methods_without_their_feature_exist_to_name_it() {
    let builder = Client::builder().endpoint("http://127.0.0.1:1").telemetry(On).tls_config(On);
    assert!(builder.build().is_ok());
}
