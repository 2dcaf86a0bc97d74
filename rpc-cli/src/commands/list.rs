//! `rpc list`: the methods of a server or of a document.

use std::collections::HashMap;

use anstyle::{AnsiColor, Style};
use clap::Args;
use rpc::openrpc::Method;
use serde_json::json;

use crate::connection::ConnectionArgs;
use crate::description;
use crate::error::CliError;
use crate::escape::clean;
use crate::exit::Exit;
use crate::output::Output;
use crate::pattern::Pattern;

/// List the methods of a server
///
/// A terminal shows them in groups, with their summaries. A pipe gets one name a line. With --json they are one array
/// of objects.
#[derive(Args, Debug)]
#[command(after_help = "\
The server tells its methods by the method rpc.discover or at /openrpc.json. URL may also be a file or the address of an
OpenRPC document, and - for standard input.

Examples:
  rpc list http://127.0.0.1:8080
  rpc list @prod 'user.*'
  rpc list openrpc.json --long")]
pub(crate) struct ListArgs {
    #[command(flatten)]
    pub(super) connection: ConnectionArgs,
    /// List only methods with such names: * is any text, ? any character; a name without these also lists the methods
    /// of that namespace
    #[arg(value_name = "PATTERN")]
    pattern: Option<Pattern>,
    /// Print summaries also in a pipe: NAME, a tab and the summary on each line
    #[arg(short, long)]
    long: bool,
}

pub(super) async fn run(args: &ListArgs, output: &mut Output) -> Result<Exit, CliError> {
    let description = description::of_target(&args.connection).await?;
    let matches = |name: &str| args.pattern.as_ref().is_none_or(|pattern| pattern.matches(name));
    let methods: Vec<_> = description.methods().filter(|method| matches(method.name())).collect();
    if output.is_json() {
        output.json(&methods.iter().map(|method| json(*method)).collect::<Vec<_>>())?;
    } else if output.is_pretty() {
        groups(&methods, output)?;
    } else {
        for method in &methods {
            let name = clean(method.name());
            match args.long {
                true => output.line(&format!("{name}\t{}", summary(*method)))?,
                false => output.line(&name)?,
            }
        }
    }
    if methods.is_empty() && !output.is_json() {
        output.note(if args.pattern.is_some() { "no method has such a name" } else { "the server has no methods" });
    }
    Ok(Exit::Success)
}

fn json(method: Method<'_>) -> serde_json::Value {
    let mut object = json!({ "name": method.name(), "deprecated": method.is_deprecated() });
    if let Some(summary) = method.summary() {
        object["summary"] = summary.into();
    }
    let tags: Vec<_> = method.tags().map(|tag| tag.name.as_str()).collect();
    if !tags.is_empty() {
        object["tags"] = tags.into();
    }
    object
}

/// Returns the summary on one line, with a mark if the method is deprecated.
fn summary(method: Method<'_>) -> String {
    let text = method.summary().or(method.description()).unwrap_or_default();
    let line = text.lines().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    let mark = if method.is_deprecated() { "(deprecated) " } else { "" };
    clean(&format!("{mark}{line}")).trim_end().to_owned()
}

/// Prints the methods by their first tag or their namespace.
fn groups(methods: &[Method<'_>], output: &mut Output) -> Result<(), CliError> {
    let mut groups: Vec<(String, Vec<Method<'_>>)> = Vec::new();
    let mut places = HashMap::new();
    for method in methods {
        let name = group(*method);
        let place = *places.entry(name).or_insert_with_key(|name| {
            groups.push((name.clone(), Vec::new()));
            groups.len() - 1
        });
        groups[place].1.push(*method);
    }
    // What each server has is of the least interest.
    groups.sort_by_key(|(name, _)| name == "rpc");
    let color = |style: Style| if output.has_colors() { style } else { Style::new() };
    let (bold, green, gray) =
        (color(Style::new().bold()), color(AnsiColor::Green.on_default()), color(AnsiColor::BrightBlack.on_default()));
    let width = methods.iter().map(|method| clean(method.name()).chars().count()).max().unwrap_or(0);
    let has_heads = groups.len() > 1;
    for (index, (name, members)) in groups.iter().enumerate() {
        if has_heads {
            if index > 0 {
                output.line("")?;
            }
            output.line(&format!("{bold}{}{bold:#}", clean(name)))?;
        }
        let indent = if has_heads { "  " } else { "" };
        for method in members {
            let (name, summary) = (clean(method.name()), summary(*method));
            let gap = " ".repeat(width - name.chars().count());
            let style = if method.is_deprecated() { gray } else { green };
            output.line(format!("{indent}{style}{name}{style:#}{gap}  {summary}").trim_end())?;
        }
    }
    Ok(())
}

/// Returns the first tag of a method, or the part of its name before the last dot or slash.
fn group(method: Method<'_>) -> String {
    let namespace = || method.name().rsplit_once(['.', '/']).map_or("", |(namespace, _)| namespace);
    if method.name().starts_with("rpc.") {
        return "rpc".to_owned();
    }
    let tag = method.tags().next().map(|tag| tag.name.as_str()).filter(|tag| !tag.is_empty());
    match tag.unwrap_or_else(namespace) {
        "" => "methods".to_owned(),
        group => group.to_owned(),
    }
}
