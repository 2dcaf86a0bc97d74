//! Validates paths that users configure for calls and pages.

use std::borrow::Cow;

use http::uri::PathAndQuery;

/// Checks a path at which something is to be served.
///
/// # Panics
///
/// If it does not begin with a slash, or holds what the path of a request cannot, such as a query.
#[track_caller]
pub(crate) fn checked(path: impl Into<Cow<'static, str>>) -> Cow<'static, str> {
    let path = path.into();
    assert!(path.starts_with('/'), "path {path:?} must begin with a slash");
    // `http` takes these in paths, which RFC 3986 does not, and routers take some for patterns.
    let is_foreign = path.contains(['{', '}', '"']) || !path.is_ascii();
    // It cuts off a fragment.
    let is_path = path.parse::<PathAndQuery>().is_ok_and(|read| read.as_str() == path && read.query().is_none());
    assert!(is_path && !is_foreign, "no request has this path: {path:?} (write what is no path character as %20)");
    path
}
