use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HOST, ORIGIN};
use http::request::Parts;
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use rpc_core::contain::contain;
use rpc_core::{BoxFuture, RequestContext};

use super::answer_body::AnswerBody;
use super::early::EarlyAnswer;
use super::{Connection, HttpSettings, Turned, TurnedAway, body, host, origin, respond_for_dispatcher};
use crate::load::{ConnectionLoad, Room};
use crate::server::Inner;

/// What a server shows to those who read it with GET, beside the calls that it answers.
#[derive(Debug, Default)]
pub(crate) struct Pages(Vec<Page>);

impl Pages {
    /// Adds a page.
    ///
    /// # Panics
    ///
    /// If its path has a page already.
    #[track_caller]
    pub(crate) fn add(&mut self, page: Page) {
        assert!(self.find(&page.path).is_none(), "two pages have the path {:?}", page.path);
        self.0.push(page);
    }

    /// Shows a page only to callers with these roles.
    ///
    /// # Panics
    ///
    /// If there is no such page.
    #[track_caller]
    pub(crate) fn require(&mut self, path: &str, roles: Roles) {
        let page = self.0.iter_mut().find(|page| page.path == path);
        let Some(page) = page else { panic!("page_requires: there is no page {path:?}") };
        page.requires = Some(roles);
    }

    pub(crate) fn find(&self, path: &str) -> Option<&Page> {
        self.0.iter().find(|page| page.path == path)
    }

    /// Returns the paths, in the order in which the pages were added.
    pub(super) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|page| &*page.path)
    }
}

/// A page: where it is, and how it is rendered each time that someone reads it.
pub(crate) struct Page {
    path: Cow<'static, str>,
    /// The roles that a caller must have. Without, anybody may read the page.
    requires: Option<Roles>,
    render: Box<dyn Fn() -> BoxFuture<Rendered> + Send + Sync>,
}

impl Page {
    pub(crate) fn new<F>(path: impl Into<Cow<'static, str>>, render: F) -> Self
    where
        F: Fn() -> BoxFuture<Rendered> + Send + Sync + 'static,
    {
        Self { path: path.into(), requires: None, render: Box::new(render) }
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Page").field(&self.path).finish()
    }
}

/// Roles that a caller must have. With none of them, any caller will do that is known.
pub(crate) type Roles = &'static [&'static str];

/// A request for a page that is not for everybody.
pub(super) struct Guarded {
    path: String,
    context: Arc<RequestContext>,
}

impl Guarded {
    /// Answers with the page, or says why the caller may not read it.
    pub(super) async fn show(
        &self,
        server: &Inner,
        load: &Arc<ConnectionLoad>,
    ) -> Result<Response<AnswerBody>, EarlyAnswer> {
        let page = server.http.pages.find(&self.path).expect("pages are never removed");
        let admitted = server.dispatcher.admit(&self.context, page.requires).await;
        match admitted {
            Ok(()) => show((page.render)().await, load),
            Err(refusal) => Ok(respond_for_dispatcher(server, *refusal, load)),
        }
    }
}

/// A page as it is at the moment.
#[derive(Debug)]
pub(crate) struct Rendered {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) body: PageBody,
}

/// The bytes of a page.
#[derive(Debug)]
pub(crate) enum PageBody {
    /// They are made for one who reads the page, and count among the bytes that the server holds meanwhile.
    Made(Vec<u8>),
    /// They are there once, however many read them, and as long as the server.
    #[cfg(feature = "openrpc")]
    Shared(Bytes),
}

/// Answers a request for another path than that of the calls.
pub(crate) fn beside<B>(server: &Inner, request: Request<B>, connection: Connection) -> TurnedAway
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Send,
{
    let (parts, body) = request.into_parts();
    body::discard(body, &parts.headers);
    let Some(page) = server.http.pages.find(parts.uri.path()) else {
        contain(|| drop(parts.extensions));
        return TurnedAway::new(Turned::Answer(EarlyAnswer::not_found()), &parts.method);
    };
    let turned = match refusal(&parts, &server.http, connection) {
        Some(refusal) => Turned::Answer(refusal),
        None if page.requires.is_none() => Turned::Page((page.render)()),
        None => {
            let context = RequestContext::new(parts.headers, connection.peer_addr, parts.extensions);
            let guarded = Guarded { path: page.path.to_string(), context: Arc::new(context) };
            return TurnedAway::new(Turned::Guarded(Box::new(guarded)), &parts.method);
        }
    };
    contain(|| drop(parts.extensions));
    TurnedAway::new(turned, &parts.method)
}

/// Says why no page may be read by this request, whoever makes it.
fn refusal(parts: &Parts, http: &HttpSettings, connection: Connection) -> Option<EarlyAnswer> {
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

/// Makes a response of a page, if there is room for it. It may be another one the next moment, so nobody is to keep it.
pub(super) fn show(page: Rendered, load: &Arc<ConnectionLoad>) -> Result<Response<AnswerBody>, EarlyAnswer> {
    let body = match page.body {
        PageBody::Made(bytes) => {
            let mut room = Room::new(load);
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

    use super::{PageBody, Rendered, Room, show};
    use crate::load::unlimited;

    fn load(bytes: usize) -> std::sync::Arc<crate::load::ConnectionLoad> {
        unlimited(bytes)
    }

    fn rendered(body: PageBody) -> Rendered {
        Rendered { status: StatusCode::OK, content_type: "application/json", body }
    }

    #[test]
    fn a_page_that_is_made_anew_counts_until_it_is_dropped() {
        let load = load(100_000);
        let page = show(rendered(PageBody::Made(vec![0; 80_000])), &load).unwrap();
        assert!(Room::new(&load).add(30_000).is_err());
        assert!(show(rendered(PageBody::Made(vec![0; 30_000])), &load).is_err());
        assert!(show(rendered(PageBody::Made(vec![0; 10_000])), &load).is_ok());
        drop(page);
        assert!(Room::new(&load).add(100_000).is_ok());
    }

    #[cfg(feature = "openrpc")]
    #[test]
    fn a_page_that_is_shared_is_neither_copied_nor_counted() {
        let load = load(10);
        let text = bytes::Bytes::from(b"12345678".to_vec());
        let pages = [(); 3].map(|()| show(rendered(PageBody::Shared(text.clone())), &load).unwrap());
        assert!(pages.iter().all(|page| page.body().as_bytes().as_ptr() == text.as_ptr()));
        assert!(Room::new(&load).add(10).is_ok());
    }
}
