//! [`Cursor`]: what stands at the end of a command line.

use clap::{Arg, Command};

/// What can stand at the cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A server.
    Target,
    /// The name of a method.
    Method,
    /// A parameter.
    Params,
}

/// The end of a command line.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cursor<'w> {
    pub(super) place: Place,
    /// The word to complete.
    pub(super) current: &'w str,
    /// The words before it that are neither options nor their values: the server, the method and the params.
    pub(super) before: Vec<&'w str>,
    /// All words before it.
    pub(super) all_before: &'w [String],
}

impl<'w> Cursor<'w> {
    /// Finds what stands at the cursor. Returns `None` for options, their values and the names of commands: the scripts
    /// of the shells know these.
    pub(super) fn find(definition: &Command, words: &'w [String]) -> Option<Self> {
        let (current, all_before) = words.split_last()?;
        let mut command: Option<&Command> = None;
        let mut before = Vec::new();
        let (mut wants_value, mut only_values) = (false, false);
        for word in all_before {
            if wants_value {
                wants_value = false;
            } else if !only_values && word == "--" {
                only_values = true;
            } else if !only_values && word.len() > 1 && word.starts_with('-') {
                wants_value = takes_next(word, [Some(definition), command]);
            } else if command.is_some() {
                before.push(word.as_str());
            } else {
                command = Some(definition.find_subcommand(word)?);
            }
        }
        if wants_value || (!only_values && current.starts_with('-')) {
            return None;
        }
        let positionals: Vec<_> = command?.get_positionals().collect();
        let positional = positionals.get(before.len()).or(positionals.last())?;
        let place = match positional.get_id().as_str() {
            "target" | "new" if before.len() < 2 => Place::Target,
            "method" | "pattern" if before.len() == 1 => Place::Method,
            "params" if before.len() >= 2 => Place::Params,
            _ => return None,
        };
        Some(Self { place, current, before, all_before })
    }
}

/// Returns whether the word after an option is its value.
fn takes_next(word: &str, commands: [Option<&Command>; 2]) -> bool {
    let takes_value = |found: &dyn Fn(&Arg) -> bool| {
        let mut args = commands.iter().flatten().flat_map(|command| command.get_arguments());
        args.find(|arg| found(arg)).is_some_and(|arg| arg.get_action().takes_values())
    };
    if let Some(name) = word.strip_prefix("--") {
        return !name.contains('=') && takes_value(&|arg| arg.get_long() == Some(name));
    }
    // Several short options can stand in one word. The first that takes a value takes the rest, if there is any.
    let mut letters = word.chars().skip(1);
    while let Some(letter) = letters.next() {
        if takes_value(&|arg| arg.get_short() == Some(letter)) {
            return letters.next().is_none();
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use clap::{Arg, ArgAction, Command};

    use super::{Cursor, Place};

    fn place(line: &str) -> Option<(Place, Vec<String>)> {
        let call = Command::new("call")
            .arg(Arg::new("header").short('H').long("header"))
            .arg(Arg::new("readonly").short('r').action(ArgAction::SetTrue))
            .args([Arg::new("target"), Arg::new("method"), Arg::new("params").num_args(0..)]);
        let list = Command::new("list").args([Arg::new("target"), Arg::new("pattern")]);
        let definition = Command::new("rpc").arg(Arg::new("color").long("color")).subcommands([call, list]);
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        let cursor = Cursor::find(&definition, &words)?;
        Some((cursor.place, cursor.before.into_iter().map(str::to_owned).collect()))
    }

    #[test]
    fn options_are_no_arguments() {
        let at = |place, before: &[&str]| Some((place, before.iter().map(|&word| word.to_owned()).collect()));
        assert_eq!(place("call "), at(Place::Target, &[]));
        assert_eq!(place("--color never call -H a @pr"), at(Place::Target, &[]));
        assert_eq!(place("call -H a:b u --header x us"), at(Place::Method, &["u"]));
        assert_eq!(place("call --header=x u us"), at(Place::Method, &["u"]));
        assert_eq!(place("call -rHx u us"), at(Place::Method, &["u"]));
        assert_eq!(place("call u m a=1 b"), at(Place::Params, &["u", "m", "a=1"]));
        assert_eq!(place("call -- u "), at(Place::Method, &["u"]));
        assert_eq!(place("list u p"), at(Place::Method, &["u"]));
        for line in ["", "ca", "none a", "call -", "call u -H ", "call -rH ", "call --header ", "list u p q"] {
            assert_eq!(place(line), None, "{line}");
        }
    }
}
