//! Lays out JSON text for people, without reading its values: numbers keep all their digits, and strings their escapes.

use anstyle::{AnsiColor, Style as Color};

/// How JSON is laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Style {
    /// Whether it has line breaks.
    pub(crate) is_pretty: bool,
    pub(crate) has_colors: bool,
}

/// The spaces of one level.
const INDENT: &str = "  ";

/// Lays out valid JSON. White space between the tokens is replaced.
pub(crate) fn write(json: &str, style: Style) -> String {
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
            self.text.extend(std::iter::repeat_n(INDENT, self.depth));
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

    const PLAIN: Style = Style { is_pretty: true, has_colors: false };

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
        let raw = Style { is_pretty: false, has_colors: false };
        assert_eq!(write("{\n \"a\" : [ 1,\n 2 ]\r\n}", raw), r#"{"a":[1,2]}"#);
    }

    #[test]
    fn keys_and_values_have_different_colors() {
        let colored = write(r#"{"a":"b"}"#, Style { is_pretty: false, has_colors: true });
        assert_eq!(colored, "{\u{1b}[1m\u{1b}[34m\"a\"\u{1b}[0m:\u{1b}[32m\"b\"\u{1b}[0m}");
    }
}
