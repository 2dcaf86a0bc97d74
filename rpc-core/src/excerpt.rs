//! [`Excerpt`]: shows text from outside in logs and error messages, shortened, with control characters escaped.

use std::fmt::{self, Write};

/// The maximum number of bytes shown of a text.
const SHOWN: usize = 1024;

/// A text from outside, as logs and error messages show it. Control characters are escaped, so that the text cannot
/// forge log lines or control a terminal. It is cut after 1 KiB.
///
/// Characters that change the text direction, and line and paragraph separators, are escaped, too. A cut text ends with
/// `…`.
///
/// # Example
///
/// ```
/// use rpc_core::Excerpt;
///
/// assert_eq!(Excerpt("sold out\n\u{1b}[2J").to_string(), r"sold out\n\u{1b}[2J");
/// assert_eq!(Excerpt(&"x".repeat(5000)).to_string().len(), 1024 + "…".len());
/// ```
#[derive(Clone, Copy)]
pub struct Excerpt<'a>(pub &'a str);

impl Excerpt<'_> {
    /// Returns whether the text is shown unchanged.
    pub fn is_whole(self) -> bool {
        self.0.len() <= SHOWN && !self.0.chars().any(is_escaped)
    }
}

impl fmt::Display for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut left = SHOWN;
        for char in self.0.chars() {
            let escaped = is_escaped(char).then(|| char.escape_default());
            let len = escaped.as_ref().map_or(char.len_utf8(), ExactSizeIterator::len);
            if len > left {
                return f.write_char('…');
            }
            left -= len;
            match escaped {
                Some(escaped) => escaped.fmt(f)?,
                None => f.write_char(char)?,
            }
        }
        Ok(())
    }
}

/// Shows the text in quotes.
impl fmt::Debug for Excerpt<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let end = (0..=SHOWN.min(self.0.len())).rev().find(|end| self.0.is_char_boundary(*end)).unwrap_or(0);
        self.0[..end].fmt(f)?;
        if end < self.0.len() { f.write_char('…') } else { Ok(()) }
    }
}

fn is_escaped(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::Excerpt;

    #[test]
    fn control_characters_are_escaped_and_all_else_is_shown_as_it_is() {
        for (text, shown) in [
            ("", ""),
            ("größer \"als\" \\ 7 🦀", "größer \"als\" \\ 7 🦀"),
            ("a\r\nINFO forged\t\0\u{7f}\u{9b}", r"a\r\nINFO forged\t\u{0}\u{7f}\u{9b}"),
            ("\u{202e}gpj\u{2028}\u{feff}", r"\u{202e}gpj\u{2028}\u{feff}"),
        ] {
            assert_eq!(Excerpt(text).to_string(), shown);
            assert_eq!(Excerpt(text).is_whole(), text == shown);
        }
    }

    #[test]
    fn a_text_is_cut_at_a_kibibyte_and_not_within_a_character() {
        for (text, bytes) in [("x".repeat(1024), 1024), ("x".repeat(1025), 1027), ("\n".repeat(600), 1027)] {
            assert_eq!(Excerpt(&text).to_string().len(), bytes);
        }
        let text = format!("{}🦀", "x".repeat(1022));
        assert_eq!(Excerpt(&text).to_string(), format!("{}…", "x".repeat(1022)));
        assert_eq!(format!("{:?}", Excerpt(&text)), format!("\"{}\"…", "x".repeat(1022)));
        assert!(!Excerpt(&text).is_whole());
    }
}
