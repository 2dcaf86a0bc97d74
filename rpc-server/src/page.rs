//! Pages: what a server serves for GET besides its calls. `health`, `openrpc` and `prometheus` make pages, and `http`
//! serves them. This file knows neither side.

use std::borrow::Cow;
use std::fmt;

#[cfg(feature = "openrpc")]
use bytes::Bytes;
use http::StatusCode;
use rpc_core::BoxFuture;

/// The pages that a server serves for GET, besides the calls that it answers.
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

    /// Restricts a page to callers with these roles.
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
    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|page| &*page.path)
    }
}

/// A page: its path, and the function that renders it for each request.
pub(crate) struct Page {
    pub(crate) path: Cow<'static, str>,
    /// The roles that a caller must have. Without them, every client may read the page.
    pub(crate) requires: Option<Roles>,
    pub(crate) render: Box<dyn Fn() -> BoxFuture<RenderedPage> + Send + Sync>,
}

impl Page {
    pub(crate) fn new<F>(path: impl Into<Cow<'static, str>>, render: F) -> Self
    where
        F: Fn() -> BoxFuture<RenderedPage> + Send + Sync + 'static,
    {
        Self { path: path.into(), requires: None, render: Box::new(render) }
    }
}

impl fmt::Debug for Page {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Page").field(&self.path).finish()
    }
}

/// Roles that a caller must have. If empty, any authenticated caller may read the page.
pub(crate) type Roles = &'static [&'static str];

/// A page as rendered for one request.
#[derive(Debug)]
pub(crate) struct RenderedPage {
    pub(crate) status: StatusCode,
    pub(crate) content_type: &'static str,
    pub(crate) body: PageBody,
}

/// The bytes of a page.
#[derive(Debug)]
pub(crate) enum PageBody {
    /// Bytes rendered for one request. They count towards the bytes that the server holds.
    Made(Vec<u8>),
    /// Bytes that all requests share, and that exist as long as the server.
    #[cfg(feature = "openrpc")]
    Shared(Bytes),
}
