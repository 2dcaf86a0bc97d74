//! Server-sent events, the form of streams over HTTP: [`begin_event`] and [`end_event`] for the server,
//! [`EventDecoder`] for the client. See <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

mod decoder;

use std::ops::Range;

pub use decoder::{EventDecoder, EventTooLarge};

/// The comment that keeps an event stream alive.
pub const HEARTBEAT: &[u8] = b":\n\n";

/// The field of an event that holds its message.
const DATA: &[u8] = b"data: ";

/// Appends a message as one event without an id.
pub fn write_event(output: &mut Vec<u8>, message: &[u8]) {
    let start = begin_event(output);
    output.extend_from_slice(message);
    end_event(output, start, None);
}

/// Begins an event, whose message is appended next. Returns where the event begins, for [`end_event`].
#[inline]
pub fn begin_event(output: &mut Vec<u8>) -> usize {
    let start = output.len();
    output.extend_from_slice(DATA);
    start
}

/// Ends an event that begins at `start`. `cursor` is the place of JSON text that becomes the event's id.
#[inline]
pub fn end_event(output: &mut Vec<u8>, start: usize, cursor: Option<Range<usize>>) {
    let message = &mut output[start + DATA.len()..];
    if may_have_line_break(message) {
        replace_line_breaks(message);
    }
    output.extend_from_slice(b"\n\n");
    if let Some(cursor) = cursor {
        insert_id(output, start, cursor);
    }
}

/// Returns whether the text has a byte below 16. In JSON, that is a line break or a tab.
#[inline]
fn may_have_line_break(json: &[u8]) -> bool {
    // A byte below 16 borrows, and so sets its high bit. Any other byte keeps it clear, or had it set before.
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    const LIMIT: u64 = u64::from_ne_bytes([16; 8]);
    let (words, rest) = json.as_chunks::<8>();
    let found = words.iter().fold(0, |found, word| {
        let word = u64::from_ne_bytes(*word);
        found | (word.wrapping_sub(LIMIT) & !word)
    });
    found & HIGH != 0 || rest.iter().any(|byte| *byte < 16)
}

/// Turns JSON text into one line. Line breaks in JSON are white space between tokens, so a space has the same meaning.
#[cold]
fn replace_line_breaks(json: &mut [u8]) {
    for byte in json {
        if matches!(*byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}

/// Writes the id in front of an event.
fn insert_id(output: &mut Vec<u8>, start: usize, cursor: Range<usize>) {
    let end = output.len();
    output.extend_from_slice(b"id: ");
    output.extend_from_within(cursor);
    output.push(b'\n');
    let added = output.len() - end;
    output[start..].rotate_right(added);
}

#[cfg(test)]
mod tests {
    use super::{begin_event, end_event};

    #[test]
    fn message_is_one_line_whatever_its_white_space() {
        let mut output = Vec::new();
        let start = begin_event(&mut output);
        output.extend_from_slice(b"{\"a\":\r\n 17}");
        end_event(&mut output, start, Some(14..16));
        let start = begin_event(&mut output);
        output.extend_from_slice(b"{}");
        end_event(&mut output, start, None);
        let indented = b"{\"a\": \"text without breaks\",\n\"b\":\t\"\xc3\xa9\"}";
        for at in 0..indented.len() {
            let mut line = Vec::new();
            let start = begin_event(&mut line);
            line.extend_from_slice(&indented[at..]);
            end_event(&mut line, start, None);
            assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 2, "from {at}");
            assert_eq!(line.contains(&b'\t'), at <= 33);
        }
        assert_eq!(output, b"id: 17\ndata: {\"a\":   17}\n\ndata: {}\n\n");
    }
}
