//! [`Output`]: standard output, which holds nothing but results, and standard error for everything else.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};

use clap::{Args, ValueEnum};
use serde::Serialize;
use serde_json::value::RawValue;

use crate::error::CliError;
use crate::escape::escape;
use crate::exit::Exit;
use crate::json_text::{self, Style};

/// How results and errors are printed.
#[derive(Args, Clone, Debug)]
pub(crate) struct OutputArgs {
    /// Print results and errors as JSON, each on one line
    #[arg(long, global = true)]
    json: bool,
    /// Color the output: with `auto`, on a terminal if the variable NO_COLOR is not set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: When,
}

/// When the output has colors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

/// Where a command writes.
#[derive(Debug)]
pub(crate) struct Output {
    stdout: BufWriter<Stdout>,
    /// How JSON is laid out on standard output.
    style: Style,
    /// Whether standard error has colors.
    stderr_colors: bool,
    is_json: bool,
}

impl Output {
    pub(crate) fn new(args: &OutputArgs) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let colors = |is_terminal: bool| match args.color {
            When::Always => true,
            When::Never => false,
            When::Auto => is_terminal && !no_color,
        };
        let (stdout, stderr) = (io::stdout(), io::stderr());
        let is_pretty = stdout.is_terminal() && !args.json;
        Self {
            style: Style {
                is_pretty,
                has_colors: colors(stdout.is_terminal()) && !args.json,
                is_escaped: stdout.is_terminal(),
            },
            stderr_colors: colors(stderr.is_terminal()) && !args.json,
            is_json: args.json,
            stdout: BufWriter::new(stdout),
        }
    }

    /// Returns whether everything is printed as JSON.
    pub(crate) fn is_json(&self) -> bool {
        self.is_json
    }

    /// Returns whether people read standard output.
    pub(crate) fn is_pretty(&self) -> bool {
        self.style.is_pretty
    }

    /// Returns whether text on standard output has colors.
    pub(crate) fn has_colors(&self) -> bool {
        self.style.has_colors
    }

    /// Prints a result: with line breaks on a terminal, otherwise as it came, on one line.
    ///
    /// # Errors
    ///
    /// If standard output cannot be written.
    pub(crate) fn result(&mut self, result: &RawValue) -> Result<(), CliError> {
        let text = json_text::write(result.get(), self.style);
        self.line(&text)
    }

    /// Prints a value as JSON on one line.
    ///
    /// # Errors
    ///
    /// If standard output cannot be written.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), CliError> {
        let text = serde_json::to_string(value).map_err(|error| CliError::usage(error.to_string()))?;
        if self.style.is_escaped { self.line(&escape(&text)) } else { self.line(&text) }
    }

    /// Prints JSON on one line, with its values as they came.
    ///
    /// # Errors
    ///
    /// If standard output cannot be written.
    pub(crate) fn json_line(&mut self, json: &str) -> Result<(), CliError> {
        let text = json_text::write(json, Style { is_pretty: false, ..self.style });
        self.line(&text)
    }

    /// Prints a line of text.
    ///
    /// # Errors
    ///
    /// If standard output cannot be written.
    pub(crate) fn line(&mut self, line: &str) -> Result<(), CliError> {
        Ok(writeln!(self.stdout, "{line}")?)
    }

    /// Writes what is buffered.
    ///
    /// # Errors
    ///
    /// If standard output cannot be written.
    pub(crate) fn flush(&mut self) -> Result<(), CliError> {
        Ok(self.stdout.flush()?)
    }

    /// Prints a line on standard error.
    pub(crate) fn note(&self, line: &str) {
        // Nobody can be told that standard error is closed.
        let _ = writeln!(io::stderr(), "{line}");
    }

    /// Prints an error on standard error, after the results. Returns its exit code.
    pub(crate) fn error(&mut self, error: &CliError) -> Exit {
        // The results before the error stay valid. If they cannot be written, the error matters more.
        let _ = self.stdout.flush();
        if self.is_json {
            self.note(&escape(&error.to_json().to_string()));
        } else if !error.message().is_empty() {
            let red = anstyle::AnsiColor::Red.on_default().bold();
            let style = if self.stderr_colors { red } else { anstyle::Style::new() };
            self.note(&format!("{style}error:{style:#} {}", escape(error.message())));
        }
        error.exit()
    }
}

/// Prints a warning on standard error.
pub(crate) fn warn(text: &str) {
    // Nobody can be told that standard error is closed.
    let _ = writeln!(io::stderr(), "warning: {}", escape(text));
}
