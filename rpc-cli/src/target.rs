//! [`Target`]: what a command line names as its server: an address or a profile. Some commands also take a file with
//! a description.

use std::path::Path;
use std::str::FromStr;

/// The server of a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// An address, with `http://` or `https://`.
    Url(String),
    /// The name of a profile, without the `@`.
    Profile(String),
    /// A file with a description, or `-` for standard input.
    File(String),
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
        if is_file(text) {
            return Ok(Self::File(text.to_owned()));
        }
        Err(format!(
            "an address begins with http:// or https://, a profile with @, and there is no such file; did you mean \
             http://{text}?"
        ))
    }
}

/// Returns whether a text names a file: it exists, or it can be nothing else.
fn is_file(text: &str) -> bool {
    let path = Path::new(text);
    let is_document = path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    text == "-" || is_document || path.is_file() || path.is_absolute()
}

#[cfg(test)]
mod tests {
    use super::Target;

    #[test]
    fn a_target_is_an_address_a_profile_or_a_file() {
        assert_eq!("https://a/b".parse(), Ok(Target::Url("https://a/b".to_owned())));
        assert_eq!("@prod".parse(), Ok(Target::Profile("prod".to_owned())));
        for file in ["-", "openrpc.json", "./a/OPENRPC.JSON", "/tmp", "Cargo.toml"] {
            assert_eq!(file.parse(), Ok(Target::File(file.to_owned())), "{file}");
        }
        for wrong in ["", "@", "localhost:8080", "ftp://a"] {
            assert!(wrong.parse::<Target>().is_err(), "{wrong}");
        }
    }
}
