//! Validates paths that users configure for calls and pages.

use std::borrow::Cow;

use http::uri::PathAndQuery;

/// Checks the path of calls or of a page.
///
/// # Panics
///
/// If it does not begin with a slash, or contains what no request path can contain, such as a query.
#[track_caller]
pub(crate) fn checked(path: impl Into<Cow<'static, str>>) -> Cow<'static, str> {
    let path = path.into();
    assert!(path.starts_with('/'), "path {path:?} must begin with a slash");
    // `http` accepts these in paths, RFC 3986 does not, and routers read some of them as patterns.
    let is_foreign = path.contains(['{', '}', '"']) || !path.is_ascii();
    // The parser drops a fragment, so the texts are compared.
    let is_path = path.parse::<PathAndQuery>().is_ok_and(|read| read.as_str() == path && read.query().is_none());
    assert!(is_path && !is_foreign, "no request has this path: {path:?} (write what is no path character as %20)");
    path
}
