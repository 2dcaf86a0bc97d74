//! [`Config`]: the configuration file as it is written. Its errors have a place and never quote a secret.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use serde::de::{Error as _, Visitor};
use serde::{Deserialize, Deserializer};

use crate::target::Target;
use crate::time::duration;

/// The configuration file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Config {
    #[serde(default)]
    pub(super) profiles: BTreeMap<String, ProfileTable>,
}

/// The table of a profile.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileTable {
    #[serde(deserialize_with = "url")]
    pub(super) url: String,
    #[serde(default, deserialize_with = "headers")]
    pub(super) headers: HeaderMap,
    pub(super) bearer: Option<Secret>,
    pub(super) bearer_env: Option<String>,
    pub(super) bearer_file: Option<String>,
    #[serde(default, deserialize_with = "time")]
    pub(super) deadline: Option<Duration>,
    pub(super) retry: Option<u32>,
    pub(super) description: Option<String>,
    #[serde(default)]
    pub(super) http2: bool,
}

impl Config {
    /// Parses the file.
    ///
    /// # Errors
    ///
    /// If it is no TOML, or has a wrong or unknown key. The text is `LINE:COLUMN: message`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        toml::from_str(text).map_err(|error| {
            // The error's own text shows the line, which may hold a secret.
            let start = error.span().map_or(0, |span| span.start).min(text.len());
            let before = text.get(..start).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
            format!("{line}:{column}: {}", error.message().replace('\n', ", "))
        })
    }

    /// Returns whether the file holds a token.
    pub(super) fn has_secrets(&self) -> bool {
        self.profiles.values().any(|table| table.bearer.is_some() || table.headers.contains_key(AUTHORIZATION))
    }
}

/// A text that no error may quote.
pub(super) struct Secret(String);

impl Secret {
    pub(super) fn text(&self) -> &str {
        &self.0
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(SecretVisitor)
    }
}

struct SecretVisitor;

impl SecretVisitor {
    fn refuse<E: serde::de::Error>() -> Result<Secret, E> {
        Err(E::custom("expected a string in quotes"))
    }
}

impl Visitor<'_> for SecretVisitor {
    type Value = Secret;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Secret, E> {
        Ok(Secret(text.to_owned()))
    }

    // The default implementations quote the value.
    fn visit_bool<E: serde::de::Error>(self, _: bool) -> Result<Secret, E> {
        Self::refuse()
    }

    fn visit_i64<E: serde::de::Error>(self, _: i64) -> Result<Secret, E> {
        Self::refuse()
    }

    fn visit_u64<E: serde::de::Error>(self, _: u64) -> Result<Secret, E> {
        Self::refuse()
    }

    fn visit_f64<E: serde::de::Error>(self, _: f64) -> Result<Secret, E> {
        Self::refuse()
    }
}

fn url<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match String::deserialize(deserializer)?.parse() {
        Ok(Target::Url(url)) => Ok(url),
        _ => Err(D::Error::custom("an address begins with http:// or https://")),
    }
}

fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    duration(&String::deserialize(deserializer)?).map(Some).map_err(D::Error::custom)
}

fn headers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderMap, D::Error> {
    let mut headers = HeaderMap::new();
    for (name, value) in BTreeMap::<String, Secret>::deserialize(deserializer)? {
        let parsed: HeaderName =
            name.parse().map_err(|_| D::Error::custom(format!("{name:?} is no name of a header")))?;
        let value = HeaderValue::try_from(value.text())
            .map_err(|_| D::Error::custom(format!("the header {name} holds bytes that no header may have")))?;
        if headers.insert(parsed, value).is_some() {
            return Err(D::Error::custom(format!("the header {name} is given twice")));
        }
    }
    Ok(headers)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Config;

    #[test]
    fn a_profile_has_all_settings() {
        let config = Config::parse(
            "[profiles.prod]\nurl = \"https://a\"\nheaders = { X-Tenant = \"b\" }\nbearer = \"t\"\ndeadline = \"5s\"\n\
             retry = 3\ndescription = \"openrpc.json\"\nhttp2 = true\n\n[profiles.test]\nurl = \"http://b\"\n",
        )
        .unwrap_or_else(|error| panic!("{error}"));
        let prod = &config.profiles["prod"];
        assert_eq!(
            (&*prod.url, prod.deadline, prod.retry, prod.http2),
            ("https://a", Some(Duration::from_secs(5)), Some(3), true)
        );
        assert_eq!(prod.headers["x-tenant"], "b");
        assert_eq!(prod.bearer.as_ref().map(|token| token.text()), Some("t"));
        assert_eq!(prod.description.as_deref(), Some("openrpc.json"));
        assert!(config.has_secrets());
        assert!(config.profiles["test"].headers.is_empty());
    }

    #[test]
    fn errors_have_a_place_and_no_secret() {
        for (text, expected) in [
            ("[profiles.a]\nurl = \"http://a\"\nberaer = \"secret\"", "3:1: unknown field `beraer`, expected one of"),
            ("[profiles.a]\nurl = \"http://a\"\nbearer = 5477238", "3:10: expected a string in quotes"),
            ("[profiles.a]\nurl = \"http://a\"\nheaders = { a = 5477238 }", "3:17: expected a string in quotes"),
            ("[profiles.a]\nurl = \"http://a\"\nheaders = { \"a b\" = \"c\" }", "3:11: \"a b\" is no name of a header"),
            ("[profiles.a]\nurl = \"http://a\"\ndeadline = \"5\"", "3:12: a time is a number with ms, s, m or h"),
            ("[profiles.a]\nurl = \"localhost\"", "2:7: an address begins with http:// or https://"),
            ("[profiles.a]\nretry = 1", "1:1: missing field `url`"),
            ("[profile.a]", "1:2: unknown field `profile`, expected `profiles`"),
            ("[profiles.a\nbearer = \"secret\"", "1:12: "),
        ] {
            let Err(error) = Config::parse(text) else { panic!("{text}") };
            assert!(error.starts_with(expected), "{error}");
            assert!(!error.contains("secret") && !error.contains("5477238"), "{error}");
        }
    }
}
