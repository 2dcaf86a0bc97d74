//! [`Info`]: title, version and description of the application in a document.

use serde::Serialize;

/// The title, version and description of what a document describes.
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
    /// The version of the description. It changes whenever the description does.
    pub version: String,
    /// A description of the application, in Markdown. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

impl Info {
    /// Makes an info with the application's name and the version of the description.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::openrpc::Info;
    ///
    /// let info = Info::new("Accounts", "1.4.0");
    /// assert_eq!(serde_json::to_string(&info)?, r#"{"title":"Accounts","version":"1.4.0"}"#);
    /// # Ok::<(), serde_json::Error>(())
    /// ```
    pub fn new(title: impl Into<String>, version: impl Into<String>) -> Self {
        Self { title: title.into(), version: version.into(), description: None }
    }

    /// Sets the description of the application, in Markdown.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }
}
