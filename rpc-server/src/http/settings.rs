//! The HTTP settings of a builder: path, origins, hosts, pages, routes and TLS. The builders fill them, and
//! [`HttpState`](super::HttpState) holds them as long as the server exists.

use std::borrow::Cow;

use super::authority;
use super::origin::{self, Origin};
use super::routes::Routes;
use super::unreachable_endpoints::UnreachableEndpoints;
use crate::page::Pages;

/// The HTTP settings of a server.
#[derive(Debug)]
pub(crate) struct HttpSettings {
    pub(crate) path: Cow<'static, str>,
    pub(crate) origins: Vec<String>,
    /// The names under which pages are shown.
    pub(crate) hosts: Vec<String>,
    pub(crate) pages: Pages,
    /// The routes at all other paths.
    pub(crate) routes: Option<Routes>,
    pub(crate) unreachable_endpoints: UnreachableEndpoints,
    /// The settings of WebSockets, if the server has them.
    #[cfg(feature = "websocket")]
    pub(crate) websocket: Option<crate::websocket::WebSocketSettings>,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<crate::tls::Tls>,
}

impl HttpSettings {
    /// Adds an origin that may send requests.
    ///
    /// # Panics
    ///
    /// If no web page can have this origin.
    #[track_caller]
    pub(crate) fn allow_origin(&mut self, origin: &str) {
        match origin::listed(origin) {
            Ok(origin) => self.origins.push(origin),
            Err(reason) => panic!("{origin:?} is no origin such as \"https://app.example\": {reason}"),
        }
    }

    /// Adds a host under which pages are shown.
    ///
    /// # Panics
    ///
    /// If this is neither a host name nor an address.
    #[track_caller]
    pub(crate) fn allow_host(&mut self, host: &str) {
        match authority::listed(host) {
            Ok(host) => self.hosts.push(host),
            Err(reason) => panic!("{host:?} is no host such as \"api.example\": {reason}"),
        }
    }

    /// Adds a router.
    ///
    /// # Panics
    ///
    /// If the router cannot be merged with one that was added before.
    #[track_caller]
    pub(crate) fn add_routes(&mut self, routes: axum::Router) {
        self.routes = Some(Routes::add(self.routes.take(), routes));
    }

    /// Checks that calls and pages have different paths.
    ///
    /// # Panics
    ///
    /// If a page has the path of calls.
    #[track_caller]
    pub(crate) fn check_path(&self) {
        let path = &*self.path;
        assert!(self.pages.find(path).is_none(), "calls cannot be served at {path:?}, where a page is");
    }

    /// Returns the routes, unless a page has this path. The caller has excluded the path of calls.
    pub(crate) fn routes_at(&self, path: &str) -> Option<&Routes> {
        self.routes.as_ref().filter(|_| self.pages.find(path).is_none())
    }

    /// Returns whether this host was listed, by itself or as part of an origin.
    pub(super) fn names(&self, host: &str) -> bool {
        let mut origins = self.origins.iter().filter_map(|origin| Origin::parse(origin));
        self.hosts.iter().any(|listed| listed == host) || origins.any(|listed| listed.host == host)
    }

    /// Logs settings for a standalone server that have no effect in an axum application.
    pub(super) fn warn_of_what_a_router_ignores(&self) {
        if self.path != "/" {
            let path = &*self.path;
            tracing::warn!(path, "a router ignores `ServerBuilder::path`: calls are served where the router is nested");
        }
        #[cfg(feature = "tls")]
        if self.tls.is_some() {
            tracing::warn!(
                "a router ignores `ServerBuilder::tls`: the application that it is a part of speaks TLS or not"
            );
        }
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            path: Cow::Borrowed("/"),
            origins: Vec::new(),
            hosts: Vec::new(),
            pages: Pages::default(),
            routes: None,
            unreachable_endpoints: UnreachableEndpoints::default(),
            #[cfg(feature = "websocket")]
            websocket: Some(crate::websocket::WebSocketSettings::default()),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}
