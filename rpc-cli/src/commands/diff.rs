//! `rpc diff`: compares two descriptions by the rules of compatibility.

use anstyle::{AnsiColor, Style};
use clap::{Args, ValueEnum};
use rpc::openrpc::{Change, Description, Level, Rule, compare};
use serde_json::json;

use crate::connection::ConnectionArgs;
use crate::description;
use crate::error::CliError;
use crate::escape::clean;
use crate::exit::Exit;
use crate::output::Output;
use crate::target::Target;

/// Compare two descriptions and name breaking changes
///
/// Prints a line for each change that may break clients of the old description. Exits with 1 if there are any, and with
/// 0 and without output if there are none.
#[derive(Args, Debug)]
#[command(
    mut_arg("target", |target| target
        .index(1)
        .value_name("OLD")
        .help("The old description: a server's address, @NAME for a profile, or a file; - is standard input")
        .required(false)
        .required_unless_present("rules")),
    override_usage = "rpc diff [OPTIONS] <OLD> <NEW>\n       rpc diff --rules",
    after_help = "\
Levels:
  wire       calls of old clients fail, or old clients fail to decode the answer
  source     old clients work, but code generated from the description changes
  behaviour  calls of old clients are valid, but the server does something else with them

Headers and tokens of the command line go to both servers.

Examples:
  rpc diff openrpc.json http://127.0.0.1:8080
  git show HEAD~1:openrpc.json | rpc diff - openrpc.json
  rpc diff @prod @staging --level wire --all"
)]
pub(crate) struct DiffArgs {
    #[command(flatten)]
    pub(super) old: Option<ConnectionArgs>,
    /// The new description, in the same forms
    #[arg(index = 2, value_name = "NEW", required_unless_present = "rules")]
    new: Option<Target>,
    /// Only changes of these levels break; may be given several times [default: all three]
    #[arg(long = "level", value_name = "LEVEL", value_delimiter = ',')]
    levels: Vec<BreakingLevel>,
    /// List compatible changes too
    #[arg(long)]
    all: bool,
    /// List the rules, instead of comparing
    #[arg(long, conflicts_with_all = ["target", "new", "levels", "all"])]
    rules: bool,
}

/// The levels of changes that break.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum BreakingLevel {
    Wire,
    Source,
    Behaviour,
}

impl BreakingLevel {
    fn is(self, level: Level) -> bool {
        matches!(
            (self, level),
            (Self::Wire, Level::Wire) | (Self::Source, Level::Source) | (Self::Behaviour, Level::Behaviour)
        )
    }
}

pub(super) async fn run(args: &DiffArgs, output: &mut Output) -> Result<Exit, CliError> {
    let (Some(old), Some(new)) = (&args.old, &args.new) else { return rules(output) };
    let is_stdin = |target: &Target| matches!(target, Target::File(path) if path == "-");
    if is_stdin(&old.target) && is_stdin(new) {
        return Err(CliError::usage("only one of the two descriptions can be on standard input"));
    }
    if old.description.is_some() {
        return Err(CliError::usage("diff has no --description: name the document as OLD or NEW"));
    }
    let new = ConnectionArgs { target: new.clone(), ..old.clone() };
    let (old, new) = (description::of_target(old).await?, description::of_target(&new).await?);
    check(&old, "OLD")?;
    check(&new, "NEW")?;
    let breaks = |change: &Change| {
        let level = change.level();
        change.is_breaking() && (args.levels.is_empty() || args.levels.iter().any(|chosen| chosen.is(level)))
    };
    let mut changes = compare(&old, &new);
    changes.retain(|change| breaks(change) || (args.all && !change.is_breaking()));
    let is_broken = changes.iter().any(breaks);
    if output.is_json() {
        for change in &changes {
            output.json(&json(change))?;
        }
    } else if output.is_pretty() {
        groups(&changes, output)?;
        if !is_broken {
            output.flush()?;
            output.note("compatible");
        }
    } else {
        for change in &changes {
            output.line(&clean(&change.to_string()))?;
        }
    }
    Ok(if is_broken { Exit::MethodError } else { Exit::Success })
}

/// Rejects a description with references that lead to nothing. What they stand for cannot be compared.
fn check(description: &Description, argument: &str) -> Result<(), CliError> {
    description.check().map_err(|error| CliError::usage(format!("{argument} cannot be compared: {error}")))
}

fn json(change: &Change) -> serde_json::Value {
    json!({
        "level": change.level().as_str(),
        "rule": change.rule.id(),
        "place": change.place,
        "message": change.message,
        "breaking": change.is_breaking(),
    })
}

/// Prints the changes by their levels, the gravest first.
fn groups(changes: &[Change], output: &mut Output) -> Result<(), CliError> {
    let has_colors = output.has_colors();
    let color = |style: Style| if has_colors { style } else { Style::new() };
    let (bold, gray) = (color(Style::new().bold()), color(AnsiColor::BrightBlack.on_default()));
    let of_level = |level| match level {
        Level::Wire => color(AnsiColor::Red.on_default().bold()),
        Level::Compatible => color(AnsiColor::Green.on_default().bold()),
        _ => color(AnsiColor::Yellow.on_default().bold()),
    };
    let mut levels: Vec<_> = changes.iter().map(Change::level).collect();
    levels.sort_unstable();
    levels.dedup();
    for (index, level) in levels.into_iter().enumerate() {
        if index > 0 {
            output.line("")?;
        }
        let style = of_level(level);
        output.line(&format!("{style}{level}{style:#}"))?;
        for change in changes.iter().filter(|change| change.level() == level) {
            let (place, message, rule) = (clean(&change.place), clean(&change.message), change.rule.id());
            output.line(&format!("  {bold}{place}{bold:#}: {message}  {gray}{rule}{gray:#}"))?;
        }
    }
    Ok(())
}

/// Prints each rule with its level and its meaning.
fn rules(output: &mut Output) -> Result<Exit, CliError> {
    let width = Rule::ALL.iter().map(|rule| rule.id().len()).max().unwrap_or(0);
    for rule in Rule::ALL {
        let (id, level, meaning) = (rule.id(), rule.level().as_str(), rule.meaning());
        if output.is_json() {
            let (before, after) = rule.example();
            output
                .json(&json!({ "rule": id, "level": level, "meaning": meaning, "before": before, "after": after }))?;
        } else if output.is_pretty() {
            output.line(&format!("{level:10}  {id:width$}  {meaning}"))?;
        } else {
            output.line(&format!("{level}\t{id}\t{meaning}"))?;
        }
    }
    Ok(Exit::Success)
}
