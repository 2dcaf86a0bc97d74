//! Shows pages over HTTP. Checks method, origin, host and, for pages that require roles, the caller. `page` defines
//! what a page is; this file renders it into a response that no cache keeps.

use std::sync::Arc;

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderValue, Method, Response};
use rpc_core::RequestContext;

use super::answer_body::AnswerBody;
use super::connection::ConnectionInfo;
use super::early::EarlyAnswer;
use super::respond::respond_for_backend;
use super::settings::HttpSettings;
use super::state::HttpState;
use super::{host, origin};
use crate::load::{ByteRoom, ConnectionLoad};
use crate::page::{Page, PageBody, RenderedPage};

/// A request for a page that requires roles.
pub(super) struct GuardedPage {
    path: String,
    context: Arc<RequestContext>,
}

impl GuardedPage {
    pub(super) fn new(page: &Page, context: Arc<RequestContext>) -> Self {
        Self { path: page.path.to_string(), context }
    }

    /// Answers with the page, or with the refusal of a caller without the roles.
    pub(super) async fn show(
        &self,
        http_state: &HttpState,
        load: &Arc<ConnectionLoad>,
    ) -> Result<Response<AnswerBody>, EarlyAnswer> {
        let page = http_state.http.pages.find(&self.path).expect("pages are never removed");
        let Some(roles) = page.requires else { return show((page.render)().await, load) };
        let admitted = http_state.backend.admit(&self.context, roles).await;
        match admitted {
            Ok(()) => show((page.render)().await, load),
            Err(refusal) => Ok(respond_for_backend(http_state, *refusal, load)),
        }
    }
}

/// Returns the refusal of a request that may read no page, whatever its caller's roles.
pub(super) fn refusal(parts: &Parts, http: &HttpSettings, connection: ConnectionInfo) -> Option<EarlyAnswer> {
    if parts.method != Method::GET && parts.method != Method::HEAD {
        return Some(EarlyAnswer::method_of_page());
    }
    let mut origins = parts.headers.get_all(ORIGIN).iter();
    if !origins.all(|origin| origin::is_allowed(origin, &http.origins, connection.loopback)) {
        return Some(EarlyAnswer::origin());
    }
    let named = parts.uri.authority().map(|authority| authority.as_str().as_bytes());
    let mut hosts = parts.headers.get_all(HOST).iter().map(HeaderValue::as_bytes).chain(named);
    let is_allowed = hosts.all(|host| host::is_allowed(host, http, connection.loopback));
    (!is_allowed).then(EarlyAnswer::host)
}

/// Makes a response from a page, if there is room for it. Pages may change at any time, so no cache may store them.
pub(super) fn show(page: RenderedPage, load: &Arc<ConnectionLoad>) -> Result<Response<AnswerBody>, EarlyAnswer> {
    let body = match page.body {
        PageBody::Made(bytes) => {
            let mut room = ByteRoom::new(load);
            room.fit(bytes.len()).map_err(EarlyAnswer::no_room)?;
            AnswerBody::counted(bytes, room)
        }
        #[cfg(feature = "openrpc")]
        PageBody::Shared(bytes) => AnswerBody::new(bytes),
    };
    let mut response = Response::new(body);
    *response.status_mut() = page.status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(page.content_type));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}

#[cfg(test)]
mod tests {
    use http::StatusCode;

    use super::{ByteRoom, show};
    use crate::load::unlimited;
    use crate::page::{PageBody, RenderedPage};

    fn load(bytes: usize) -> std::sync::Arc<crate::load::ConnectionLoad> {
        unlimited(bytes)
    }

    fn rendered(body: PageBody) -> RenderedPage {
        RenderedPage { status: StatusCode::OK, content_type: "application/json", body }
    }

    #[test]
    fn a_page_that_is_made_anew_counts_until_it_is_dropped() {
        let load = load(100_000);
        let page = show(rendered(PageBody::Made(vec![0; 80_000])), &load).unwrap();
        assert!(ByteRoom::new(&load).add(30_000).is_err());
        assert!(show(rendered(PageBody::Made(vec![0; 30_000])), &load).is_err());
        assert!(show(rendered(PageBody::Made(vec![0; 10_000])), &load).is_ok());
        drop(page);
        assert!(ByteRoom::new(&load).add(100_000).is_ok());
    }

    #[cfg(feature = "openrpc")]
    #[test]
    fn a_page_that_is_shared_is_neither_copied_nor_counted() {
        let load = load(10);
        let text = bytes::Bytes::from(b"12345678".to_vec());
        let pages = [(); 3].map(|()| show(rendered(PageBody::Shared(text.clone())), &load).unwrap());
        assert!(pages.iter().all(|page| page.body().as_bytes().as_ptr() == text.as_ptr()));
        assert!(ByteRoom::new(&load).add(10).is_ok());
    }
}
