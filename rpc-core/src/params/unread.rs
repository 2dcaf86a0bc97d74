use std::fmt::Write;

use serde::de::IgnoredAny;

use super::cursor::Cursor;

/// A value that a type did not read to its end, such as `1.5` by `u128`, which reads `1`.
#[derive(Debug, PartialEq)]
pub(super) struct UnreadValue<'a> {
    /// The path from the searched value to this one, such as `.to[0]`. Empty if this is the searched value itself.
    pub(super) path: String,
    text: &'a str,
}

impl<'a> UnreadValue<'a> {
    /// Finds the innermost value of `json` in which reading stopped at the byte before this offset. Returns `None` if
    /// the text does not begin with JSON, or if reading stopped after that JSON.
    pub(super) fn find(json: &'a str, offset: usize) -> Option<Self> {
        let (start, text) = value_of(json)?;
        let mut found = Self { path: String::new(), text };
        // The offset counts from the beginning of the found value.
        let mut offset = offset.checked_sub(start)?;
        if offset > found.text.len() {
            return None;
        }
        while let Some((step, start, text)) = element_at(found.text, offset) {
            found.path.push_str(&step);
            found.text = text;
            offset -= start;
        }
        Some(found)
    }

    /// Finds the value at which an error occurred, if it is an error of a type that stops reading early.
    pub(super) fn of_error(json: &'a str, error: &serde_json::Error) -> Option<Self> {
        let text = error.to_string();
        let offset = offset_of(json, error.line(), error.column());
        if text.starts_with("expected `,` or `") {
            Self::find(json, offset)
        } else if text.starts_with("trailing characters") {
            // Here an element begins that is one too many.
            Self::find(json, offset.checked_sub(1)?)
        } else {
            None
        }
    }

    /// Describes the problem in the way serde describes those of other values.
    pub(super) fn reason(&self) -> String {
        match self.text.as_bytes().first() {
            Some(b'-' | b'0'..=b'9') => format!("invalid type: floating point `{}`, expected an integer", self.text),
            Some(b'[') => "invalid length, expected fewer elements".to_owned(),
            _ => "the value was not read to its end".to_owned(),
        }
    }
}

/// Returns the position of the first value of a text, and its text.
fn value_of(json: &str) -> Option<(usize, &str)> {
    let mut cursor = Cursor::new(json);
    cursor.peek()?;
    let value = cursor.rest();
    cursor.value::<IgnoredAny>().ok()?;
    Some((json.len() - value.len(), &value[..value.len() - cursor.rest().len()]))
}

/// Returns the element or member of a value that contains an offset: its path step, its start and its text.
fn element_at(value: &str, offset: usize) -> Option<(String, usize, &str)> {
    let close = match value.as_bytes().first()? {
        b'[' => b']',
        b'{' => b'}',
        _ => return None,
    };
    let mut cursor = Cursor::new(value);
    cursor.peek();
    let mut more = cursor.open(close).ok()?;
    let mut index = 0;
    while more {
        let mut step = String::new();
        let written = match close {
            b']' => write!(step, "[{index}]"),
            _ => write!(step, ".{}", cursor.name().ok()?),
        };
        written.ok()?;
        cursor.peek()?;
        let start = value.len() - cursor.rest().len();
        cursor.value::<IgnoredAny>().ok()?;
        let end = value.len() - cursor.rest().len();
        if offset <= end {
            return (offset > start).then(|| (step, start, &value[start..end]));
        }
        index += 1;
        more = cursor.more(close).ok()?;
    }
    None
}

/// Returns the offset of a position that `serde_json` gives as line and column, both counted from 1.
fn offset_of(json: &str, line: usize, column: usize) -> usize {
    let lines = json.split_inclusive('\n').take(line.saturating_sub(1));
    lines.map(str::len).sum::<usize>() + column
}

#[cfg(test)]
mod tests {
    use super::UnreadValue;

    #[track_caller]
    fn assert_found(json: &str, offset: usize, path: &str, text: &str) {
        assert_eq!(UnreadValue::find(json, offset), Some(UnreadValue { path: path.to_owned(), text }));
    }

    #[test]
    fn the_innermost_value_is_found_by_where_reading_stopped() {
        assert_found("1.5", 2, "", "1.5");
        assert_found(" 1.5 ", 3, "", "1.5");
        assert_found(r#"{"a": 1, "b" : [0, 1.5]}"#, 21, ".b[1]", "1.5");
        assert_found(r#"{"a":{"x":1e3}}"#, 12, ".a.x", "1e3");
        assert_found("[1,2,3]", 3, "", "[1,2,3]");
    }

    #[test]
    fn nothing_is_found_behind_the_value_or_in_what_is_no_json() {
        assert_eq!(UnreadValue::find("1 2", 3), None);
        assert_eq!(UnreadValue::find("[1.5", 3), None);
        assert_eq!(UnreadValue::find("", 0), None);
    }
}
