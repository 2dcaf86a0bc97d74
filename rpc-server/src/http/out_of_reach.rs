//! Warns about methods and pages that require a principal on a server without authentication. `builder::oversights`
//! finds them; binding a standalone server logs them.

/// Names what requires a principal where the server does not find out who calls.
///
/// It is no oversight in an application of axum, whose layers may know who calls, nor in process.
#[derive(Debug, Default)]
pub(crate) struct OutOfReach {
    pub(crate) methods: String,
    pub(crate) pages: String,
}

impl OutOfReach {
    /// Logs it for a standalone server, whose requests pass through no layers of HTTP.
    pub(crate) fn log(&self) {
        let Self { methods, pages } = self;
        if !methods.is_empty() {
            tracing::warn!(
                methods,
                "methods require a principal, and without `authenticate` no HTTP request has one: their calls are refused"
            );
        }
        if !pages.is_empty() {
            tracing::warn!(
                pages,
                "pages require a principal, and without `authenticate` no request has one: nobody can read them"
            );
        }
    }
}
