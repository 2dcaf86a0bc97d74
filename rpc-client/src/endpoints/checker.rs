//! [`HealthChecker`]: sends one health check to an endpoint, with the client's headers and credentials.

use std::panic::AssertUnwindSafe;

use bytes::Bytes;
use futures_util::FutureExt;
use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue, StatusCode};
use rpc_core::contain::defuse;

use super::health::EndpointHealth;
use super::state::EndpointState;
use crate::credentials::{Authorization, CredentialCache};
use crate::exchange::{AttemptTimeout, Exchange, ReceivedResponse};
use crate::failure::Failure;
use crate::headers::ClientHeaders;
use crate::health_check::{CheckPlan, CheckResult, HEALTH_CALL};
use crate::meter::Meter;
use crate::runtime::Instant;
use crate::transport::{ProbePurpose, Progress, Request};

/// Checks endpoints. It has what checks need of a client, and does not keep the client alive.
pub(crate) struct HealthChecker {
    pub(crate) plan: CheckPlan,
    pub(crate) headers: ClientHeaders,
    pub(crate) credentials: Option<CredentialCache>,
    pub(crate) meter: Meter,
    pub(crate) max_bytes: usize,
}

impl HealthChecker {
    /// Checks an endpoint once.
    pub(super) async fn check(&self, endpoint: &EndpointState) -> CheckResult {
        // A transport, a layer or a provider of credentials may be the user's.
        let check = AssertUnwindSafe(self.check_authorized(endpoint)).catch_unwind();
        check.await.unwrap_or_else(|panic| {
            defuse(panic);
            CheckResult::Failed("the check panicked".to_owned())
        })
    }

    /// Checks an endpoint with the credential of the client. If the server rejects it, checks once more with another
    /// one, unless it also rejected the last one. Calls may use the credential with success, and fetching another one
    /// takes their time.
    async fn check_authorized(&self, endpoint: &EndpointState) -> CheckResult {
        let until = Instant::now() + self.plan.timeout;
        let Some(credentials) = &self.credentials else { return self.result(self.ask(endpoint, None, until).await) };
        let (mut authorization, mut headers) = (Authorization::default(), None);
        loop {
            if let Err(failure) = authorization.apply(credentials, &mut headers, until).await {
                return CheckResult::of_failure(&failure);
            }
            let response = self.ask(endpoint, headers.as_deref(), until).await;
            let is_rejected =
                matches!(&response, Some(Err(failure)) if failure.status() == Some(StatusCode::UNAUTHORIZED));
            let may_renew = |health: &EndpointHealth| authorization.may_renew(credentials) && health.take_renewal();
            if is_rejected && endpoint.health.as_deref().is_some_and(may_renew) {
                authorization.renew(credentials);
                continue;
            }
            let result = self.result(response);
            if let (CheckResult::Passed, Some(health)) = (&result, &endpoint.health) {
                health.allow_renewal();
            }
            return result;
        }
    }

    fn result(&self, response: Option<Result<ReceivedResponse, Failure>>) -> CheckResult {
        match (response, &self.plan.page) {
            (None, _) => CheckResult::Ignored,
            (Some(response), Some(_)) => CheckResult::of_page(response),
            (Some(response), None) => CheckResult::of_call(response),
        }
    }

    /// Sends the request of a check. Returns `None` if the client itself held it back until the timeout.
    async fn ask(
        &self,
        endpoint: &EndpointState,
        own: Option<&HeaderMap>,
        until: Instant,
    ) -> Option<Result<ReceivedResponse, Failure>> {
        match self.send(endpoint, own, until).await {
            // An idle connection may have been closed, and a second request does no harm.
            Some(Err(failure)) if failure.is_transport() => self.send(endpoint, own, until).await,
            response => response,
        }
    }

    async fn send(
        &self,
        endpoint: &EndpointState,
        own: Option<&HeaderMap>,
        until: Instant,
    ) -> Option<Result<ReceivedResponse, Failure>> {
        let (progress, begun) = (Progress::default(), Instant::now());
        let page = self.plan.page.as_ref().zip(endpoint.health.as_ref().and_then(|health| health.http.as_ref()));
        let (body, headers) = match page {
            Some(_) => {
                let mut headers = self.headers.of_probe(&endpoint.headers, own);
                // Pages of health are often plain text.
                headers.insert(ACCEPT, HeaderValue::from_static("*/*"));
                (Bytes::new(), headers)
            }
            None => {
                let left = until.saturating_duration_since(begun);
                (Bytes::from_static(HEALTH_CALL), self.headers.of_calls(&endpoint.headers, own, left))
            }
        };
        let (deadline, meter) = (until.into_std(), self.meter);
        let request = Request {
            body,
            headers,
            deadline,
            progress: progress.clone(),
            meter,
            transport: None,
            subscription: None,
            purpose: ProbePurpose::Announcement,
        };
        let reply = match page {
            Some((page, http)) => http.get(page, request),
            None => endpoint.transport.send(request),
        };
        let timeout = AttemptTimeout { until, soft: None };
        let exchange = Exchange { reply, progress: progress.clone(), begun, timeout, max_bytes: self.max_bytes };
        let response = exchange.receive(|| true).await;
        let was_held_back = response.is_err() && progress.is_held_back();
        (!was_held_back).then_some(response)
    }
}
