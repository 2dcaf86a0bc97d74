//! Warns about methods and pages that require a principal on a server without authentication. `builder::warnings`
//! finds them; binding a standalone server logs them.

/// The methods and pages that require a principal on a server without authentication.
///
/// They are no mistake in process or in an axum application, where layers may authenticate callers.
#[derive(Debug, Default)]
pub(crate) struct UnreachableEndpoints {
    pub(crate) methods: String,
    pub(crate) pages: String,
}

impl UnreachableEndpoints {
    /// Logs them for a standalone server, where requests pass through no HTTP layers.
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
