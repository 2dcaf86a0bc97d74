//! Lays out JSON text for people, without reading its values: numbers keep all their digits, and strings their escapes.

use anstyle::{AnsiColor, Style as Color};

use crate::escape::escape;

/// How JSON is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    /// Whether it has line breaks.
    pub(crate) is_pretty: bool,
    pub(crate) has_colors: bool,
    /// Whether characters that control a terminal are written as escapes.
    pub(crate) is_escaped: bool,
}

/// How many levels are indented. Deeper ones stand below each other, or the spaces would be far more than the values.
const MAX_INDENT: usize = 64;

/// The spaces of one level.
const INDENT: &str = "  ";

/// Lays out valid JSON. White space between the tokens is replaced.
pub(crate) fn write(json: &str, style: Style) -> String {
    // Such characters stand in strings only, where an escape means the same.
    let escaped = style.is_escaped.then(|| escape(json));
    let json = escaped.as_deref().unwrap_or(json);
    let mut layout = Layout { text: String::with_capacity(json.len()), style, depth: 0 };
    let mut rest = json.trim_ascii();
    while !rest.is_empty() {
        let (token, after) = rest.split_at(token_len(rest));
        let after = after.trim_ascii_start();
        match token {
            "{" | "[" if after.starts_with(['}', ']']) => {
                layout.text.push_str(token);
                layout.text.push_str(&after[..1]);
                rest = after[1..].trim_ascii_start();
                continue;
            }
            "{" | "[" => layout.open(token),
            "}" | "]" => layout.close(token),
            "," => layout.comma(),
            ":" => layout.text.push_str(if style.is_pretty { ": " } else { ":" }),
            _ => layout.scalar(token, after.starts_with(':')),
        }
        rest = after;
    }
    layout.text
}

/// Returns the length of the first token.
fn token_len(json: &str) -> usize {
    match json.as_bytes()[0] {
        b'"' => string_len(json),
        b'{' | b'}' | b'[' | b']' | b',' | b':' => 1,
        _ => json.find([',', ':', ']', '}', ' ', '\t', '\r', '\n']).unwrap_or(json.len()),
    }
}

fn string_len(json: &str) -> usize {
    let mut is_escaped = false;
    for (index, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return index + 1,
            _ => {}
        }
    }
    json.len()
}

struct Layout {
    text: String,
    style: Style,
    depth: usize,
}

impl Layout {
    fn open(&mut self, token: &str) {
        self.text.push_str(token);
        self.depth += 1;
        self.line_break();
    }

    fn close(&mut self, token: &str) {
        self.depth = self.depth.saturating_sub(1);
        self.line_break();
        self.text.push_str(token);
    }

    fn comma(&mut self) {
        self.text.push(',');
        self.line_break();
    }

    fn line_break(&mut self) {
        if self.style.is_pretty {
            self.text.push('\n');
            self.text.extend(std::iter::repeat_n(INDENT, self.depth.min(MAX_INDENT)));
        }
    }

    fn scalar(&mut self, token: &str, is_key: bool) {
        let color = match token.as_bytes()[0] {
            b'"' if is_key => AnsiColor::Blue.on_default().bold(),
            b'"' => AnsiColor::Green.on_default(),
            b'n' => AnsiColor::BrightBlack.on_default(),
            b't' | b'f' => AnsiColor::Yellow.on_default(),
            _ => AnsiColor::Cyan.on_default(),
        };
        let color = if self.style.has_colors { color } else { Color::new() };
        self.text.push_str(&format!("{color}{token}{color:#}"));
    }
}

#[cfg(test)]
mod tests {
    use super::{Style, write};

    const PLAIN: Style = Style { is_pretty: true, has_colors: false, is_escaped: true };

    #[test]
    fn values_get_lines_and_keep_their_text() {
        let json = r#"{ "a":[1.50,{"b" : null}], "c, \"d\"":{},"e":[ ],"f":123456789012345678901234567890}"#;
        let expected = "{\n  \"a\": [\n    1.50,\n    {\n      \"b\": null\n    }\n  ],\n  \"c, \\\"d\\\"\": {},\n  \"e\": [],\n  \"f\": 123456789012345678901234567890\n}";
        assert_eq!(write(json, PLAIN), expected);
        for scalar in ["1", "\"a\\\\\"", "true", "null", "[]", "{}"] {
            assert_eq!(write(scalar, PLAIN), scalar);
        }
    }

    #[test]
    fn raw_text_is_one_line() {
        let raw = Style { is_pretty: false, has_colors: false, is_escaped: false };
        assert_eq!(write("{\n \"a\" : [ 1,\n 2 ]\r\n}", raw), r#"{"a":[1,2]}"#);
    }

    #[test]
    fn deep_values_have_a_bounded_indent() {
        let deep = "[".repeat(50_000) + "1" + &"]".repeat(50_000);
        assert!(write(&deep, PLAIN).len() < 20_000_000);
    }

    #[test]
    fn characters_that_control_a_terminal_are_escapes_of_json() {
        let json = "{\"a\u{9b}\":\"\u{7f}\u{202e}\u{2066}ü\"}";
        let written = write(json, Style { is_pretty: false, ..PLAIN });
        assert_eq!(written, r#"{"a\u009b":"\u007f\u202e\u2066ü"}"#);
        let values: Vec<serde_json::Value> = [json, &written].map(|json| serde_json::from_str(json).unwrap()).into();
        assert_eq!(values[0], values[1]);
        assert_eq!(write(json, Style { is_pretty: false, is_escaped: false, ..PLAIN }), json);
    }

    #[test]
    fn keys_and_values_have_different_colors() {
        let colored = write(r#"{"a":"b"}"#, Style { is_pretty: false, has_colors: true, is_escaped: true });
        assert_eq!(colored, "{\u{1b}[1m\u{1b}[34m\"a\"\u{1b}[0m:\u{1b}[32m\"b\"\u{1b}[0m}");
    }
}
