//! [`Profile`]: the settings of a server under a name, from the configuration file.

mod config;
mod place;

use std::path::Path;
use std::time::Duration;
use std::{env, fmt, fs, io};

use http::HeaderMap;

use crate::error::CliError;
use crate::nearest::suggestion;
use crate::output::warn;
use config::{Config, ProfileTable};

/// The settings of a server.
#[derive(Default)]
pub(crate) struct Profile {
    pub(crate) url: String,
    pub(crate) headers: HeaderMap,
    pub(crate) bearer: Option<String>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) retry: Option<u32>,
    pub(crate) http2: bool,
    /// The file or the address of the server's description.
    pub(crate) description: Option<String>,
}

/// Shows no headers and no token, since they are secrets.
impl fmt::Debug for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Profile").field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

impl Profile {
    /// Loads a profile from the user's configuration file.
    ///
    /// # Errors
    ///
    /// If there is no such profile, or the file is wrong.
    pub(crate) fn load(name: &str) -> Result<Self, CliError> {
        let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let path = place::config_file(&variable).ok_or_else(|| {
            CliError::usage(format!("there is no profile `{name}`: set RPC_CONFIG to the path of a configuration file"))
        })?;
        Self::read(name, &path)
    }

    /// Returns the names of all profiles, for completion. There are none if the configuration cannot be read.
    pub(crate) fn names() -> Vec<String> {
        let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let text = place::config_file(&variable).and_then(|path| fs::read_to_string(path).ok());
        let config = text.and_then(|text| Config::parse(&text).ok());
        config.map(|config| config.profiles.into_keys().collect()).unwrap_or_default()
    }

    /// Reads a profile from a file.
    fn read(name: &str, path: &Path) -> Result<Self, CliError> {
        let file = path.display();
        let text = fs::read_to_string(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => {
                CliError::usage(format!("there is no profile `{name}`: the configuration file {file} does not exist"))
            }
            _ => CliError::usage(format!("the configuration file {file} cannot be read: {error}")),
        })?;
        let config = Config::parse(&text).map_err(|error| CliError::usage(format!("{file}:{error}")))?;
        if config.has_secrets() && others_may_read(path) {
            warn(&format!("{file} holds a token and can be read by other users: chmod 600 {file}"));
        }
        let known = || suggestion(name, config.profiles.keys().map(String::as_str));
        let table = config.profiles.get(name);
        let table =
            table.ok_or_else(|| CliError::usage(format!("the file {file} has no profile `{name}`: {}", known())))?;
        Self::of(table, path.parent().unwrap_or(Path::new("")))
            .map_err(|why| CliError::usage(format!("the profile `{name}` in {file}: {why}")))
    }

    /// Makes a profile of its table. Paths in it are relative to the folder of the file.
    fn of(table: &ProfileTable, folder: &Path) -> Result<Self, String> {
        let bearer = match (&table.bearer, &table.bearer_env, &table.bearer_file) {
            (None, None, None) => None,
            (Some(token), None, None) => Some(token.text().to_owned()),
            (None, Some(variable), None) => {
                let token = env::var(variable).ok().filter(|token| !token.is_empty());
                Some(token.ok_or_else(|| format!("the variable {variable} of its bearer_env is not set"))?)
            }
            (None, None, Some(file)) => {
                let path = folder.join(file);
                let token = fs::read_to_string(&path)
                    .map_err(|error| format!("the bearer_file {} cannot be read: {error}", path.display()))?;
                Some(token.trim().to_owned())
            }
            _ => return Err("it has more than one of bearer, bearer_env and bearer_file".to_owned()),
        };
        let is_file = |text: &str| !text.starts_with("http://") && !text.starts_with("https://");
        let description = table.description.as_ref().map(|description| {
            if is_file(description) { folder.join(description).display().to_string() } else { description.clone() }
        });
        Ok(Self {
            url: table.url.clone(),
            headers: table.headers.clone(),
            bearer,
            deadline: table.deadline,
            retry: table.retry,
            http2: table.http2,
            description,
        })
    }
}

#[cfg(unix)]
fn others_may_read(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    fs::metadata(path).is_ok_and(|file| file.permissions().mode() & 0o044 != 0)
}

#[cfg(not(unix))]
fn others_may_read(_: &Path) -> bool {
    false
}
