//! [`Input`]: the lines of a file or of the standard input, in chunks, as they arrive.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, timeout_at};

use super::line::Line;
use crate::error::CliError;

/// How long the input must be silent before a chunk leaves that is not full.
const PAUSE: Duration = Duration::from_millis(20);

/// How long the first line of a chunk waits for others at most.
const MAX_WAIT: Duration = Duration::from_millis(500);

/// The longest line.
const MAX_LINE: u64 = 64 << 20;

/// The lines of the input, in chunks.
#[derive(Debug)]
pub(super) struct Input {
    lines: mpsc::Receiver<Result<Line, CliError>>,
    /// Why no more lines are read.
    failed: Option<CliError>,
    chunk: usize,
}

impl Input {
    /// Begins to read a file, or the standard input for `-`.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened.
    pub(super) fn open(path: &str, chunk: usize) -> Result<Self, CliError> {
        let (name, reader): (_, Box<dyn Read + Send>) = if path == "-" {
            ("the standard input".to_owned(), Box::new(io::stdin()))
        } else {
            let file =
                File::open(path).map_err(|error| CliError::usage(format!("{path} cannot be opened: {error}")))?;
            (path.to_owned(), Box::new(file))
        };
        let (sender, lines) = mpsc::channel(chunk);
        // A thread of its own, since the read of a terminal or pipe may never end.
        std::thread::spawn(move || read(&name, BufReader::new(reader), &sender));
        Ok(Self { lines, failed: None, chunk })
    }

    /// Returns the next chunk, or `None` at the end. It leaves when it is full or the input pauses.
    pub(super) async fn next(&mut self) -> Option<Result<Vec<Line>, CliError>> {
        if let Some(error) = self.failed.take() {
            self.lines.close();
            return Some(Err(error));
        }
        let mut chunk = match self.lines.recv().await? {
            Ok(line) => vec![line],
            Err(error) => {
                self.lines.close();
                return Some(Err(error));
            }
        };
        let until = Instant::now() + MAX_WAIT;
        while chunk.len() < self.chunk {
            match timeout_at(until.min(Instant::now() + PAUSE), self.lines.recv()).await {
                Ok(Some(Ok(line))) => chunk.push(line),
                Ok(Some(Err(error))) => {
                    self.failed = Some(error);
                    break;
                }
                Ok(None) | Err(_) => break,
            }
        }
        Some(Ok(chunk))
    }
}

/// Reads lines until the end, the first wrong line, or the end of the receiver.
fn read(name: &str, mut reader: impl BufRead, lines: &mpsc::Sender<Result<Line, CliError>>) {
    let mut number = 0;
    loop {
        number += 1;
        let mut bytes = Vec::new();
        let read = reader.by_ref().take(MAX_LINE + 1).read_until(b'\n', &mut bytes);
        let line = match read {
            Ok(0) => return,
            Ok(_) if bytes.len() as u64 > MAX_LINE => {
                Err(format!("line {number}, column {MAX_LINE}: the line is longer than 64 MiB"))
            }
            Ok(_) if bytes.trim_ascii().is_empty() => continue,
            Ok(_) => match std::str::from_utf8(&bytes) {
                Ok(text) => Line::parse(number, text),
                Err(error) => Err(format!("line {number}, column {}: the text is no UTF-8", error.valid_up_to() + 1)),
            },
            Err(error) => Err(format!("line {number} cannot be read: {error}")),
        };
        let line = line.map_err(|why| {
            CliError::usage(format!("{name}, {why}\nThe calls before this line were made, and none from it on."))
        });
        let is_last = line.is_err();
        if lines.blocking_send(line).is_err() || is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::mpsc;

    use super::{Input, read};
    use crate::error::CliError;

    /// Returns the numbers and methods of each chunk.
    fn chunks(text: &str, chunk: usize) -> Vec<Result<Vec<(u64, String)>, CliError>> {
        let (sender, lines) = mpsc::channel(100);
        read("a file", text.as_bytes(), &sender);
        drop(sender);
        let mut input = Input { lines, failed: None, chunk };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut chunks = Vec::new();
            while let Some(chunk) = input.next().await {
                let named =
                    |lines: Vec<super::Line>| lines.into_iter().map(|line| (line.number, line.method)).collect();
                chunks.push(chunk.map(named));
            }
            chunks
        })
    }

    #[test]
    fn lines_come_in_chunks_without_blank_ones() {
        let chunks = chunks("{\"method\":\"a\"}\r\n\n{\"method\":\"b\"}\n{\"method\":\"c\"}", 2);
        let chunks: Vec<_> = chunks.into_iter().map(Result::unwrap).collect();
        let named = |number, name: &str| (number, name.to_owned());
        assert_eq!(chunks, [vec![named(1, "a"), named(3, "b")], vec![named(4, "c")]]);
    }

    #[test]
    fn a_wrong_line_comes_after_the_lines_before_it_and_is_the_last() {
        let chunks = chunks("{\"method\":\"a\"}\nwrong\n{\"method\":\"c\"}\n", 10);
        let [Ok(before), Err(error)] = &*chunks else { panic!("{chunks:?}") };
        assert_eq!(before.len(), 1);
        assert!(error.message().starts_with("a file, line 2, column 1: a line is a JSON object"), "{error:?}");
    }
}
