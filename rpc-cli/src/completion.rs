//! Completes command lines: methods and params of the server that stands on the line, and profiles. `cursor` finds out
//! what stands at the cursor, `catalog` what a server has, and `cache` keeps that for some minutes.

mod cache;
mod candidate;
mod catalog;
mod cursor;
mod line;
mod script;

pub(crate) use candidate::Candidate;
pub(crate) use line::{unbroken, words};
pub(crate) use script::script;

use clap::{ArgMatches, Command, FromArgMatches};

use crate::connection::{Connection, ConnectionArgs};
use crate::description;
use crate::error::CliError;
use crate::profile::Profile;
use crate::target::Target;
use catalog::Catalog;
use cursor::{Cursor, Place};

/// Returns what can stand at the end of a command line. The last of the words is the one to complete; it may be empty.
///
/// # Errors
///
/// If the server or the configuration cannot be read.
pub(crate) async fn candidates(definition: Command, words: &[String]) -> Result<Vec<Candidate>, CliError> {
    let Some(cursor) = Cursor::find(&definition, words) else { return Ok(Vec::new()) };
    let found = match cursor.place {
        Place::Target => targets(),
        Place::Method => catalog(&definition, &cursor).await?.methods(),
        Place::Params => {
            let Some(method) = cursor.before.get(1) else { return Ok(Vec::new()) };
            catalog(&definition, &cursor).await?.params(method, &cursor)
        }
    };
    Ok(found
        .into_iter()
        .filter(|candidate| candidate.is_safe() && candidate.text.starts_with(cursor.current))
        .collect())
}

/// Returns the profiles, with their `@`.
fn targets() -> Vec<Candidate> {
    Profile::names().into_iter().map(|name| Candidate::new(format!("@{name}"), "")).collect()
}

/// Returns what the server on the line has.
async fn catalog(definition: &Command, cursor: &Cursor<'_>) -> Result<Catalog, CliError> {
    let Some(args) = connection_args(definition.clone(), cursor) else { return Ok(Catalog::default()) };
    if let Target::File(path) = &args.target {
        // Standard input is not there yet.
        let is_stdin = path == "-";
        return if is_stdin { Ok(Catalog::default()) } else { Ok(Catalog::of(&description::of_target(&args).await?)) };
    }
    let connection = args.resolve()?;
    let key = cache_key(&connection);
    if let Some(kept) = key.as_deref().and_then(cache::read) {
        return Ok(kept);
    }
    let catalog = match description::fetch(&connection).await? {
        Some(description) => Catalog::of(&description),
        None => return Ok(Catalog::default()),
    };
    if let Some(key) = key {
        // The next completion asks the server again.
        let _ = cache::write(&key, &catalog);
    }
    Ok(catalog)
}

/// Returns the options of the connection that stand before the cursor.
fn connection_args(definition: Command, cursor: &Cursor<'_>) -> Option<ConnectionArgs> {
    let words = std::iter::once("rpc").chain(cursor.all_before.iter().map(String::as_str));
    let matches: ArgMatches = definition.ignore_errors(true).try_get_matches_from(words).ok()?;
    ConnectionArgs::from_arg_matches(matches.subcommand()?.1).ok()
}

/// Returns what a server's entry in the cache is found by: its address without secrets, and a hash of the whole
/// address, whose query may choose another server. A file is not cached.
fn cache_key(connection: &Connection) -> Option<String> {
    match connection.description() {
        None => Some(key_of(&connection.url)),
        Some(source) if source.starts_with("http") => Some(key_of(source)),
        Some(_) => None,
    }
}

fn key_of(url: &str) -> String {
    // FNV-1a: other processes compute the same.
    let hash = url
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
    format!("{} {hash:016x}", description::shown(url))
}

#[cfg(test)]
mod tests {
    use super::key_of;

    #[test]
    fn addresses_with_other_queries_have_other_keys() {
        assert_ne!(key_of("http://a/?tenant=1"), key_of("http://a/?tenant=2"));
        assert_eq!(key_of("http://a/?token=x"), key_of("http://a/?token=x"));
        assert!(!key_of("http://u:secret@a/?token=x").contains("secret"));
    }
}
