use std::sync::Arc;

use hyper_rustls::{ConfigBuilderExt, HttpsConnector, HttpsConnectorBuilder};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;

use super::HttpSettings;
use super::route::Route;
use crate::Failure;
use crate::failure::Kind;

/// Puts TLS on a route.
pub(super) fn connector(route: Route, settings: &HttpSettings) -> Result<HttpsConnector<Route>, Failure> {
    let config = match &settings.tls {
        Some(config) => {
            let mut config = ClientConfig::clone(config);
            // Which protocols are offered is what `http2_prior_knowledge` says.
            config.alpn_protocols.clear();
            config
        }
        None => {
            platform_config().map_err(|error| Failure::with_source(Kind::Builder("TLS cannot be set up"), error))?
        }
    };
    let builder = HttpsConnectorBuilder::new().with_tls_config(config).https_only();
    Ok(if settings.http2_prior_knowledge {
        builder.enable_http2().wrap_connector(route)
    } else {
        builder.enable_all_versions().wrap_connector(route)
    })
}

/// Trusts whom the platform trusts.
fn platform_config() -> Result<ClientConfig, rustls::Error> {
    // The provider is named, since an application may have installed none, or cannot tell which of two is meant.
    let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()?;
    Ok(config.try_with_platform_verifier()?.with_no_client_auth())
}
