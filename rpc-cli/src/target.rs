//! [`Target`]: what a command line names as its server: an address or a profile.

use std::str::FromStr;

/// The server of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// An address, with `http://` or `https://`.
    Url(String),
    /// The name of a profile, without the `@`.
    Profile(String),
}

impl FromStr for Target {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(name) = text.strip_prefix('@') {
            return if name.is_empty() {
                Err("a profile has a name, as in @prod".to_owned())
            } else {
                Ok(Self::Profile(name.to_owned()))
            };
        }
        if text.starts_with("http://") || text.starts_with("https://") {
            return Ok(Self::Url(text.to_owned()));
        }
        Err(format!("an address begins with http:// or https://, and a profile with @; did you mean http://{text}?"))
    }
}
