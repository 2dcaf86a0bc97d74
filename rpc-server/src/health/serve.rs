//! The health pages and the method `rpc.health`. They combine the checks of [`Health`] with the server's [`Readiness`].

use std::sync::Arc;

use http::StatusCode;
use rpc_core::{BoxFuture, MethodRef, MethodSpec};

use super::{Health, Readiness, Report, Status};
use crate::closure::infallible;
use crate::page::{Page, PageBody, Pages, RenderedPage, Roles};
use crate::table::{Methods, Row};

/// The path of the page that reports whether the server is ready.
pub(crate) const READY: &str = "/health/ready";

static HEALTH: &MethodSpec =
    &MethodSpec::new("rpc.health").readonly().docs("Tells whether the server is ready for calls.");

impl Health {
    /// Adds the health pages to a server's pages.
    #[track_caller]
    pub(crate) fn add_pages(&self, readiness: &Arc<Readiness>, pages: &mut Pages) {
        let ready = self.asked(readiness);
        pages.add(Page::new("/health/live", || {
            Box::pin(async { rendered(StatusCode::OK, br#"{"status":"live"}"#.to_vec()) })
        }));
        pages.add(Page::new(READY, move || ready.clone().page()));
    }

    /// Adds the method `rpc.health` to a server's methods. It requires the same roles as the page `/health/ready`.
    pub(crate) fn add_method(&self, readiness: &Arc<Readiness>, requires: Option<Roles>, methods: &mut Methods) {
        let asked = self.asked(readiness);
        let method = requires.map_or(HEALTH.into(), |roles| HEALTH.clone().requires(roles).into());
        methods.add_own(Row::new::<MethodRef>(method, infallible(move || asked.clone().report())));
    }

    fn asked(&self, readiness: &Arc<Readiness>) -> HealthEndpoint {
        HealthEndpoint { health: self.clone(), readiness: Arc::clone(readiness) }
    }
}

/// The health of a server, including whether it drains.
#[derive(Clone)]
struct HealthEndpoint {
    health: Health,
    readiness: Arc<Readiness>,
}

impl HealthEndpoint {
    async fn report(self) -> Report {
        let mut report = self.health.report().await;
        if self.readiness.is_draining() {
            report.status = Status::Draining;
        }
        report
    }

    fn page(self) -> BoxFuture<RenderedPage> {
        Box::pin(async move {
            let report = self.report().await;
            let status = if report.status == Status::Ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            rendered(status, serde_json::to_vec(&report).expect("words and names make JSON"))
        })
    }
}

fn rendered(status: StatusCode, body: Vec<u8>) -> RenderedPage {
    RenderedPage { status, content_type: "application/json", body: PageBody::Made(body) }
}
