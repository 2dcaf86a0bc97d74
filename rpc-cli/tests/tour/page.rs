//! [`Page`]: the commands of docs/cli.md, each with the output that the page shows.

use std::fs;
use std::ops::Range;
use std::path::PathBuf;

/// The page, as lines.
pub(crate) struct Page {
    lines: Vec<String>,
}

/// A command of the page.
#[derive(Debug)]
pub(crate) struct Step {
    /// The number of its line, from 1.
    pub(crate) line: usize,
    /// What a user types, without the prompts.
    pub(crate) command: String,
    /// What the page shows below it.
    pub(crate) shown: String,
    /// Its exit code, which the page shows after `echo $?` if it is not 0. `None`: the page does not show it yet.
    pub(crate) exit: Option<i32>,
    /// The lines of `shown`.
    lines: Range<usize>,
}

impl Page {
    /// Reads the page.
    pub(crate) fn read() -> Self {
        Self::of(&fs::read_to_string(path()).unwrap())
    }

    fn of(text: &str) -> Self {
        Self { lines: text.lines().map(str::to_owned).collect() }
    }

    /// Returns the commands of all blocks `console`, in order.
    ///
    /// # Panics
    ///
    /// If such a block does not begin with a command.
    pub(crate) fn steps(&self) -> Vec<Step> {
        let mut steps: Vec<_> = self.blocks("console").into_iter().flat_map(|block| self.steps_of(block)).collect();
        let mut next: Option<(String, String)> = None;
        for step in steps.iter_mut().rev() {
            step.exit = match next {
                Some((command, shown)) if command == "echo $?" => shown.trim().parse().ok(),
                _ => Some(0),
            };
            next = Some((step.command.clone(), step.shown.clone()));
        }
        steps
    }

    /// Returns how many lines look like a command, in blocks of any language and outside of blocks.
    pub(crate) fn prompts(&self) -> usize {
        self.lines.iter().filter(|line| line.trim_start().starts_with("$ ")).count()
    }

    /// Returns the lines of all blocks in a language. Users type those of `sh`, and the page shows no output of them.
    pub(crate) fn code(&self, language: &str) -> Vec<&str> {
        self.blocks(language).into_iter().flatten().map(|line| self.lines[line].as_str()).collect()
    }

    /// Replaces what the page shows below commands. `shown` has the outputs of some steps, in the order of the page.
    pub(crate) fn write(mut self, shown: Vec<(Step, String)>) {
        for (step, text) in shown.into_iter().rev() {
            self.lines.splice(step.lines, text.lines().map(str::to_owned));
        }
        fs::write(path(), self.lines.join("\n") + "\n").unwrap();
    }

    fn blocks(&self, language: &str) -> Vec<Range<usize>> {
        let mut blocks = Vec::new();
        let mut open: Option<(usize, bool)> = None;
        for (at, line) in self.lines.iter().enumerate() {
            let Some(tag) = line.strip_prefix("```") else { continue };
            open = match open {
                None => Some((at + 1, tag == language)),
                Some((start, is_wanted)) => {
                    blocks.extend(is_wanted.then_some(start..at));
                    None
                }
            };
        }
        blocks
    }

    fn steps_of(&self, block: Range<usize>) -> Vec<Step> {
        let mut steps = Vec::new();
        let mut at = block.start;
        while at < block.end {
            let line = at + 1;
            let first = self.lines[at].strip_prefix("$ ").unwrap_or_else(|| panic!("line {line} is no command"));
            let mut command = first.to_owned();
            at += 1;
            while at < block.end && is_open(&command) {
                let next = self.lines[at].strip_prefix("> ").unwrap_or_else(|| panic!("line {} has no `> `", at + 1));
                command = format!("{command}\n{next}");
                at += 1;
            }
            let start = at;
            while at < block.end && !self.lines[at].starts_with("$ ") {
                at += 1;
            }
            let shown = self.lines[start..at].iter().map(|line| format!("{line}\n")).collect();
            steps.push(Step { line, command, shown, exit: None, lines: start..at });
        }
        steps
    }
}

impl Step {
    /// Makes a step that shows nothing.
    pub(crate) fn of(command: &str) -> Self {
        Self { line: 1, command: command.to_owned(), shown: String::new(), exit: None, lines: 1..1 }
    }
}

/// Returns whether a shell would ask for another line: after a backslash, and before the end of a text for `<<`.
fn is_open(command: &str) -> bool {
    let awaits_end = command.split_once("<<'").is_some_and(|(_, rest)| {
        let (end, text) = rest.split_once('\'').expect("the quotes of `<<` are closed");
        text.lines().skip(1).all(|line| line != end)
    });
    awaits_end || command.ends_with('\\')
}

fn path() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/cli.md"))
}

#[test]
fn a_page_is_read_as_a_shell_shows_it() {
    let text =
        "a\n```console\n$ cat <<'END' >x\n> $ no command\n> END\n$ one\\\n>  two\n1\n\n2\n```\n```sh\nsetup\n```\n";
    let page = Page::of(text);
    let steps = page.steps();
    let commands: Vec<_> = steps.iter().map(|step| (step.line, step.command.as_str(), step.shown.as_str())).collect();
    assert_eq!(commands, [(3, "cat <<'END' >x\n$ no command\nEND", ""), (6, "one\\\n two", "1\n\n2\n")]);
    assert_eq!((page.prompts(), page.code("sh")), (2, vec!["setup"]));
}

#[test]
#[should_panic = "line 2 is no command"]
fn a_block_begins_with_a_command() {
    Page::of("```console\noutput\n```").steps();
}
