//! Escapes characters that would control a terminal, since servers choose the text that is shown.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Returns whether a character controls a terminal or changes the order of the text around it.
pub(crate) fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Returns text on one line, with spaces in the place of characters that control a terminal.
pub(crate) fn clean(text: &str) -> String {
    text.chars().map(|c| if is_control(c) { ' ' } else { c }).collect()
}

/// Writes characters that control a terminal as `\u001b`. Line feeds and tabs stay.
pub(crate) fn escape(text: &str) -> Cow<'_, str> {
    escape_if(text, |c| is_control(c) && c != '\n' && c != '\t')
}

/// Writes characters that control a terminal, line feeds and tabs as `\u000a`, so that the text is one line.
pub(crate) fn escape_line(text: &str) -> Cow<'_, str> {
    escape_if(text, is_control)
}

fn escape_if(text: &str, is_escaped: impl Fn(char) -> bool + Copy) -> Cow<'_, str> {
    if !text.contains(is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if is_escaped(c) {
            // All of them have at most four digits.
            let _ = write!(escaped, "\\u{:04x}", u32::from(c));
        } else {
            escaped.push(c);
        }
    }
    Cow::Owned(escaped)
}

#[cfg(test)]
mod tests {
    use super::{clean, escape, escape_line};

    #[test]
    fn characters_that_control_a_terminal_are_escaped() {
        let text = "a\u{1b}]0;b\u{7}\u{7f}\u{9b}\u{202e}\u{2069}\r\n\tü";
        assert_eq!(escape(text), "a\\u001b]0;b\\u0007\\u007f\\u009b\\u202e\\u2069\\u000d\n\tü");
        assert_eq!(escape_line("a\nb\tü"), "a\\u000ab\\u0009ü");
        assert_eq!(clean(text), "a ]0;b        ü");
    }
}
