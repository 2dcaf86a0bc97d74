//! The HTTP settings of a builder: path, origins, hosts, pages, routes and TLS. The builders fill them, and
//! [`Face`](super::Face) holds them for the server's life.

use std::borrow::Cow;

use super::authority;
use super::origin::{self, Origin};
use super::out_of_reach::OutOfReach;
use super::routes::Routes;
use crate::page::Pages;

/// What a server is told about HTTP while it is built.
#[derive(Debug)]
pub(crate) struct HttpSettings {
    pub(crate) path: Cow<'static, str>,
    pub(crate) origins: Vec<String>,
    /// The names under which pages are shown.
    pub(crate) hosts: Vec<String>,
    pub(crate) pages: Pages,
    /// What is served at all other paths.
    pub(crate) routes: Option<Routes>,
    pub(crate) out_of_reach: OutOfReach,
    #[cfg(feature = "tls")]
    pub(crate) tls: Option<crate::tls::Tls>,
}

impl HttpSettings {
    /// # Panics
    ///
    /// If this is no origin that a web page can have.
    #[track_caller]
    pub(crate) fn allow_origin(&mut self, origin: &str) {
        match origin::listed(origin) {
            Ok(origin) => self.origins.push(origin),
            Err(reason) => panic!("{origin:?} is no origin such as \"https://app.example\": {reason}"),
        }
    }

    /// # Panics
    ///
    /// If this is no host's name.
    #[track_caller]
    pub(crate) fn allow_host(&mut self, host: &str) {
        match authority::listed(host) {
            Ok(host) => self.hosts.push(host),
            Err(reason) => panic!("{host:?} is no host such as \"api.example\": {reason}"),
        }
    }

    /// # Panics
    ///
    /// If the router cannot be merged with one that was added before.
    #[track_caller]
    pub(crate) fn add_routes(&mut self, routes: axum::Router) {
        self.routes = Some(Routes::add(self.routes.take(), routes));
    }

    /// # Panics
    ///
    /// If calls are served where a page is.
    #[track_caller]
    pub(crate) fn check_path(&self) {
        let path = &*self.path;
        assert!(self.pages.find(path).is_none(), "calls cannot be served at {path:?}, where a page is");
    }

    /// Returns the routes, if they are to answer requests for this path: it is not that of calls, and has no page.
    pub(crate) fn routes_at(&self, path: &str) -> Option<&Routes> {
        self.routes.as_ref().filter(|_| self.pages.find(path).is_none())
    }

    /// Tells whether this host was listed, by itself or in an origin.
    pub(super) fn names(&self, host: &str) -> bool {
        let mut origins = self.origins.iter().filter_map(|origin| Origin::parse(origin));
        self.hosts.iter().any(|listed| listed == host) || origins.any(|listed| listed.host == host)
    }

    /// Logs what was set for a standalone server and means nothing in an application of axum.
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
            out_of_reach: OutOfReach::default(),
            #[cfg(feature = "tls")]
            tls: None,
        }
    }
}
