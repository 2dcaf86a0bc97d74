//! [`Info`]: title, version and description of the application in a document.

use serde::Serialize;

/// Says what a document describes, and which version of it.
///
/// # Example
///
/// ```
/// use rpc::openrpc::Info;
///
/// let info = Info::new("Accounts", "1.4.0").description("Who may do what.");
/// assert_eq!(info.title, "Accounts");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Info {
    /// The name of the application.
    pub title: String,
    /// The version of the description, which changes with it.
    pub version: String,
    /// What the application is, in Markdown. By default nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Info {
    /// Names what is described, and the version of the description.
    pub fn new(title: impl Into<String>, version: impl Into<String>) -> Self {
        Self { title: title.into(), version: version.into(), description: None }
    }

    /// Says what the application is, in Markdown.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }
}
