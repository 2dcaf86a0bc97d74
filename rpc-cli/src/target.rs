//! [`Target`]: what a command line names as its server: an address or a profile. Some commands also take a file with
//! a description.

use std::convert::Infallible;
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
    /// None of them, for this reason. It is no error of the parser, which would quote the text with its password.
    Wrong(String),
}

impl FromStr for Target {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        if let Some(name) = text.strip_prefix('@') {
            return Ok(if name.is_empty() {
                Self::Wrong("a profile has a name, as in @prod".to_owned())
            } else {
                Self::Profile(name.to_owned())
            });
        }
        if text.starts_with("http://") || text.starts_with("https://") {
            return Ok(Self::Url(text.to_owned()));
        }
        let scheme = text.split_once("://").map(|(scheme, _)| scheme);
        if scheme.is_none() && is_file(text) {
            return Ok(Self::File(text.to_owned()));
        }
        let is_word = |scheme: &&str| scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
        Ok(Self::Wrong(match scheme.filter(is_word) {
            Some(scheme) => format!("an address begins with http:// or https://, and not with {scheme}://"),
            None => {
                let may_be_secret = text.is_empty() || text.contains(['@', '?']) || text.contains("://");
                let hint = if may_be_secret { String::new() } else { format!("; did you mean http://{text}?") };
                format!(
                    "an address begins with http:// or https://, a profile with @, and there is \
                     no such file{hint}"
                )
            }
        }))
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
        for secret in ["ftp://u:s3cret@h/a.json", "s3:cret://h", "u:s3cret@h", "host?key=s3cret"] {
            let Ok(Target::Wrong(why)) = secret.parse() else { panic!("{secret}") };
            assert!(!why.contains("cret"), "{why}");
        }
        for wrong in ["", "@", "localhost:8080", "ftp://a"] {
            assert!(matches!(wrong.parse(), Ok(Target::Wrong(_))), "{wrong}");
        }
    }
}
