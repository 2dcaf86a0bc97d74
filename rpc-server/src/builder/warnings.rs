//! Warnings about settings that contradict each other or have no effect. `build` logs most of them once. Methods and
//! pages that no caller can reach are logged when the server is bound.

use std::time::Duration;

use rpc_core::MethodSpec;

use crate::Limits;
use crate::auth::AccessControl;
use crate::http::UnreachableEndpoints;
use crate::idempotency;
use crate::table::Methods;

/// Finds the methods, and those of the guarded pages, that no caller of a standalone server could reach.
pub(super) fn unreachable_endpoints<'a>(
    methods: &Methods,
    guarded_pages: impl Iterator<Item = &'a str>,
    access: &AccessControl,
) -> UnreachableEndpoints {
    if access.authenticate.is_some() {
        return UnreachableEndpoints::default();
    }
    let methods = names(methods, |method| method.requires.is_some());
    UnreachableEndpoints { methods, pages: guarded_pages.collect::<Vec<_>>().join(", ") }
}

/// Logs methods with a `timeout` that never applies.
pub(super) fn of_methods(methods: &Methods, limits: &Limits) {
    let limit = limits.handler_timeout;
    let late = names(methods, |method| method.timeout.is_some_and(|timeout: Duration| timeout > limit));
    if !late.is_empty() {
        tracing::warn!(
            methods = late,
            handler_timeout = ?limit,
            "methods have a longer `timeout` than `Limits::handler_timeout`, which ends their handlers first"
        );
    }
}

/// Returns the names of the methods that match.
fn names(methods: &Methods, are_meant: impl Fn(&MethodSpec) -> bool) -> String {
    let meant = methods.rows().filter(|row| are_meant(&row.method));
    meant.map(|row| &*row.method.name).collect::<Vec<_>>().join(", ")
}

/// Logs an `idempotency_scope` that is never called.
pub(super) fn of_keys(settings: &idempotency::IdempotencySettings) {
    if settings.scope.is_some() && matches!(settings.store, idempotency::StoreChoice::Nothing) {
        tracing::warn!("`idempotency_scope` is never asked, since the server keeps no idempotency keys");
    }
}

/// Logs a page of metrics that has none of calls.
#[cfg(feature = "prometheus")]
pub(super) fn of_metrics(shows_metrics: bool, is_watched: bool) {
    if shows_metrics && !is_watched {
        tracing::warn!("the page for Prometheus has no metrics of calls without `ServerBuilder::telemetry`");
    }
}
