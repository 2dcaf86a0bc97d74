//! [`ParamsArgs`]: the params of a call, as JSON, as `name=value`, from a file or from the standard input.

mod described;
mod json_type;
mod named;

use std::fs;
use std::io::{self, Read};

use clap::Args;
use serde_json::value::RawValue;

pub(crate) use described::DescribedParams;

use crate::error::CliError;

/// The params of a call.
#[derive(Args, Clone, Debug)]
pub(crate) struct ParamsArgs {
    /// The params: JSON, or NAME=VALUE for each, or @FILE, or - for the standard input
    #[arg(value_name = "PARAMS")]
    params: Vec<String>,
}

/// Where the params are.
#[derive(Debug, PartialEq, Eq)]
enum Source<'a> {
    Nowhere,
    Json(&'a str),
    File(&'a str),
    Stdin,
    /// Names and values.
    Named(Vec<(&'a str, &'a str)>),
}

impl ParamsArgs {
    /// Makes params of their text, as the command line has it.
    #[cfg(test)]
    fn of(params: &[&str]) -> Self {
        Self { params: params.iter().map(|&param| param.to_owned()).collect() }
    }

    /// Returns whether the types of the params must be known: only `name=value` needs them.
    pub(crate) fn needs_description(&self) -> bool {
        matches!(self.source(), Ok(Source::Named(_)))
    }

    /// Reads the params. `described` are those that the server's description has for the method.
    ///
    /// # Errors
    ///
    /// If they are no JSON array or object, do not fit the description, or cannot be read.
    pub(crate) fn read(&self, described: Option<&DescribedParams>) -> Result<Option<Box<RawValue>>, CliError> {
        match self.source()? {
            Source::Nowhere => Ok(None),
            Source::Json(text) => params("the text of the params", text.to_owned()),
            Source::File(path) => {
                let bytes = fs::read(path)
                    .map_err(|error| CliError::usage(format!("the file {path} with the params: {error}")))?;
                params(&format!("the file {path}"), text(&format!("the file {path}"), bytes)?)
            }
            Source::Stdin => {
                let mut bytes = Vec::new();
                io::stdin().lock().read_to_end(&mut bytes).map_err(|error| {
                    CliError::usage(format!("the params cannot be read from the standard input: {error}"))
                })?;
                params("the standard input", text("the standard input", bytes)?)
            }
            Source::Named(named) => {
                let written = match described {
                    Some(described) => described.write(&named)?,
                    None => named::untyped(&named)?,
                };
                params("the text of the params", written)
            }
        }
    }

    fn source(&self) -> Result<Source<'_>, CliError> {
        let params: Vec<_> = self.params.iter().map(String::as_str).collect();
        match &*params {
            [] => Ok(Source::Nowhere),
            ["-" | "@-"] => Ok(Source::Stdin),
            [one] if one.starts_with('@') => Ok(Source::File(&one[1..])),
            [one] if one.trim_start().starts_with(['{', '[']) => Ok(Source::Json(one)),
            many => many.iter().map(|param| named_param(param)).collect::<Result<_, _>>().map(Source::Named),
        }
    }
}

/// Splits `name=value`.
fn named_param(param: &str) -> Result<(&str, &str), CliError> {
    if param == "-" || param.starts_with(['{', '[', '@']) {
        return Err(CliError::usage(format!(
            "{param:?} cannot stand with other params: give all of them as one JSON value, or each as NAME=VALUE"
        )));
    }
    match param.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name, value)),
        _ => Err(CliError::usage(format!(
            "{param:?} is no params: they are a JSON object or array such as '[1]', or NAME=VALUE for each, or @FILE"
        ))),
    }
}

fn text(whence: &str, bytes: Vec<u8>) -> Result<String, CliError> {
    String::from_utf8(bytes).map_err(|error| CliError::usage(format!("{whence} is no UTF-8 text: {error}")))
}

/// Checks params. Blank text is no params.
fn params(whence: &str, text: String) -> Result<Option<Box<RawValue>>, CliError> {
    let start = text.trim_ascii_start();
    if start.is_empty() {
        return Err(CliError::usage(format!("{whence} is empty: leave the params out if the method takes none")));
    }
    let is_structured = start.starts_with(['{', '[']);
    let json = RawValue::from_string(text)
        .map_err(|error| CliError::usage(format!("{whence} is no JSON that params can be: {error}")))?;
    if !is_structured {
        return Err(CliError::usage(format!("{whence} is neither an array nor an object, as params must be")));
    }
    Ok(Some(json))
}

#[cfg(test)]
mod tests;
