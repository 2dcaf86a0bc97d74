//! What differs between two runs of a command, and how outputs are compared without it.

use super::page::Step;

/// Headers that tell the time, as `--dump` prints them.
const CLOCKS: [&str; 2] = ["< date: ", "> rpc-timeout-ms: "];

/// Returns what a screen shows at the end: a line that a program clears with `ESC [K` is gone.
pub(crate) fn screen(printed: &str) -> String {
    let line = |line: &str| line.rsplit("\r\u{1b}[K").next().unwrap_or_default().to_owned();
    printed.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

/// Returns an output without what differs between two runs. Three kinds of things do:
///
/// - Random words: UUIDs, and tickets, which contain one. Each becomes `RANDOM`.
/// - The values of the headers in [`CLOCKS`], which become `CLOCK`.
/// - What `rpc bench` measures: numbers, times and the rows of its histogram. They become `N`, `TIME` and one `ROWS`.
pub(crate) fn normalize(step: &Step, output: &str) -> String {
    let mut text = output.to_owned();
    for word in random(output) {
        text = text.replacen(word, "RANDOM", 1);
    }
    text = text.lines().map(|line| without_clock(line) + "\n").collect();
    if step.command.starts_with("rpc bench") { measured(&text) } else { text }
}

/// Returns the random words of an output: those which contain a UUID.
pub(crate) fn random(output: &str) -> Vec<&str> {
    let is_of_word = |char: char| char.is_ascii_alphanumeric() || "-_.:~+=;".contains(char);
    output.split(|char| !is_of_word(char)).filter(|word| has_uuid(word)).collect()
}

fn has_uuid(word: &str) -> bool {
    let is_digit = |(at, byte): (usize, &u8)| match at {
        8 | 13 | 18 | 23 => *byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    };
    word.as_bytes().windows(36).any(|window| window.iter().enumerate().all(is_digit))
}

fn without_clock(line: &str) -> String {
    let name = CLOCKS.into_iter().find(|name| line.starts_with(name));
    name.map_or_else(|| line.to_owned(), |name| format!("{name}CLOCK"))
}

fn measured(output: &str) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in output.lines() {
        let words: Vec<_> = line.split_ascii_whitespace().map(number).collect();
        let line = words.join(" ").replace("N ms", "TIME").replace("N s", "TIME");
        let is_row = line.starts_with("TIME to TIME N");
        let line = if is_row { "ROWS".to_owned() } else { line };
        if !is_row || lines.last() != Some(&line) {
            lines.push(line);
        }
    }
    lines.join("\n")
}

/// Returns a word with `N` in the place of its numbers.
fn number(word: &str) -> String {
    let mut text = String::new();
    let mut rest = word;
    while let Some(start) = rest.find(|char: char| char.is_ascii_digit()) {
        text.push_str(&rest[..start]);
        rest = &rest[start..];
        let is_of_number = |(at, char): (usize, char)| {
            char.is_ascii_digit()
                || matches!(char, ',' | '.') && rest[at + 1..].starts_with(|c: char| c.is_ascii_digit())
        };
        let end = rest.char_indices().find(|place| !is_of_number(*place)).map_or(rest.len(), |(end, _)| end);
        // A digit inside a name, such as the one of p99, is a word.
        let is_name = text.ends_with(|char: char| char.is_ascii_alphabetic());
        text.push_str(if is_name { &rest[..end] } else { "N" });
        rest = &rest[end..];
    }
    text + rest
}

#[test]
fn only_what_differs_is_replaced() {
    let step = |command: &str| super::page::Step::of(command);
    let ids = "store 6f9619ff-8b86-4d01-b42d-00c04fc964ff, 1 ms\n";
    assert_eq!(normalize(&step("rpc call"), ids), "store RANDOM, 1 ms\n");
    let dump = "< date: Mon, 30 Nov 2026 18:23:56 GMT\n< x: 1\n";
    assert_eq!(normalize(&step("rpc call --dump"), dump), "< date: CLOCK\n< x: 1\n");
    let report = "calls  1,000 in 2.05 s: 999 results.\n  p99  1.5 ms\n 1 ms to 2 ms  7  ##\n 2 ms to 1.0 s  9 #\nend";
    let words = "calls N in TIME: N results.\np99 TIME\nROWS\nend";
    assert_eq!(normalize(&step("rpc bench"), report), words);
    assert_eq!(screen("1 s\r\u{1b}[K2 s\r\u{1b}[Kend\nnext"), "end\nnext");
}
