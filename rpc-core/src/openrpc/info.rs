//! [`Info`]: title, version and description of the application in a document.

use serde::Serialize;
use serde_json::{Map, Value};

use super::model::error::DescriptionError;
use super::model::read::{Members, Place, Read};

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
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Info {
    /// The name of the application.
    pub title: String,
    /// The version of the description. It changes whenever the description does.
    pub version: String,
    /// A description of the application, in Markdown. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The address of the terms of service. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terms_of_service: Option<String>,
    /// How to reach the authors. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<Contact>,
    /// The license of the application. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license: Option<License>,
    /// All other members. Their names begin with `x-`. Default: none.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

/// How to reach the authors: the [Contact Object](https://spec.open-rpc.org/#contact-object).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Contact {
    /// The name of a person or an organization.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The address of a page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The address for mail.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// All other members.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

/// The license of the application: the [License Object](https://spec.open-rpc.org/#license-object).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct License {
    /// The name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The address of its text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// All other members.
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
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
        Self {
            title: title.into(),
            version: version.into(),
            description: None,
            terms_of_service: None,
            contact: None,
            license: None,
            extensions: Map::new(),
        }
    }

    /// Sets the description of the application, in Markdown.
    #[must_use]
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }
}

impl Read for Info {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        let mut members = Members::of(value, "an info object", place)?;
        Ok(Self {
            title: members.required("title")?,
            version: members.required("version")?,
            description: members.optional("description")?,
            terms_of_service: members.optional("termsOfService")?,
            contact: members.optional("contact")?,
            license: members.optional("license")?,
            extensions: members.rest(),
        })
    }
}

impl Read for Contact {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        let mut members = Members::of(value, "a contact", place)?;
        Ok(Self {
            name: members.optional("name")?,
            url: members.optional("url")?,
            email: members.optional("email")?,
            extensions: members.rest(),
        })
    }
}

impl Read for License {
    fn read(value: Value, place: &Place<'_>) -> Result<Self, DescriptionError> {
        let mut members = Members::of(value, "a license", place)?;
        Ok(Self { name: members.optional("name")?, url: members.optional("url")?, extensions: members.rest() })
    }
}
