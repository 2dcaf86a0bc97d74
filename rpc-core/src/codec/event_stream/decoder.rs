//! [`EventDecoder`]: the chunks of an event stream in, the data of its events out. It reads the stream incrementally,
//! and bounds what it keeps.

use bytes::{Buf, Bytes};

/// The name of the field that carries messages, with its colon and the usual space.
const DATA: &[u8] = b"data: ";

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Reads the events of a stream of server-sent events.
///
/// It returns only whole events: those whose empty line has arrived. It skips comments and all fields except `data`,
/// because messages have their cursors inside.
#[derive(Debug)]
pub struct EventDecoder {
    /// The largest size of an event's data, in bytes.
    limit: usize,
    /// The part of the last chunk that was not read yet.
    chunk: Bytes,
    /// The beginning of a line whose end is in a later chunk.
    line_start: Vec<u8>,
    /// The data of the event so far.
    data: Option<EventData>,
    /// Set after a carriage return, which forms one line break with a line feed behind it.
    is_after_return: bool,
    /// Set until the first line was read, which may begin with a byte order mark.
    is_first_line: bool,
}

/// The data of an event: one line of a chunk in nearly all events.
#[derive(Debug)]
enum EventData {
    Line(Bytes),
    Lines(Vec<u8>),
}

/// The error that an event is larger than the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EventTooLarge;

impl EventDecoder {
    /// Makes a decoder of events with at most this many bytes of data.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            chunk: Bytes::new(),
            line_start: Vec::new(),
            data: None,
            is_after_return: false,
            is_first_line: true,
        }
    }

    /// Adds the next chunk of the stream. Before that, read all events of the chunks so far.
    pub fn push(&mut self, chunk: Bytes) {
        debug_assert!(self.chunk.is_empty(), "the last chunk was read");
        self.chunk = chunk;
    }

    /// Returns the data of the next event, or `None` if it needs another chunk. Its lines are joined by line feeds.
    ///
    /// # Errors
    ///
    /// Returns an error if an event is too large. The decoder must not be used after that.
    pub fn next_event(&mut self) -> Result<Option<Bytes>, EventTooLarge> {
        loop {
            if self.is_after_return && !self.chunk.is_empty() {
                self.is_after_return = false;
                if self.chunk[0] == b'\n' {
                    self.chunk.advance(1);
                }
            }
            let Some(end) = line_end(&self.chunk) else {
                self.line_start.extend_from_slice(&self.chunk);
                self.chunk.clear();
                return if self.is_over(self.line_start.len()) { Err(EventTooLarge) } else { Ok(None) };
            };
            let mut line = self.chunk.split_to(end);
            self.is_after_return = self.chunk[0] == b'\r';
            self.chunk.advance(1);
            if !self.line_start.is_empty() {
                let mut joined = std::mem::take(&mut self.line_start);
                joined.extend_from_slice(&line);
                line = joined.into();
            }
            if let Some(data) = self.take_line(line)? {
                return Ok(Some(data));
            }
        }
    }

    /// Returns whether a line of this length can only belong to an event that is too large.
    fn is_over(&self, line: usize) -> bool {
        line > self.limit.saturating_add(DATA.len() + BYTE_ORDER_MARK.len())
    }

    /// Reads a line without its break. Returns the data of the event that the line completes.
    fn take_line(&mut self, mut line: Bytes) -> Result<Option<Bytes>, EventTooLarge> {
        if self.is_over(line.len()) {
            return Err(EventTooLarge);
        }
        if std::mem::take(&mut self.is_first_line) && line.starts_with(BYTE_ORDER_MARK) {
            line.advance(BYTE_ORDER_MARK.len());
        }
        if line.is_empty() {
            return Ok(self.data.take().map(EventData::into_bytes));
        }
        if let Some(start) = data_start(&line) {
            line.advance(start);
            self.add_data(line)?;
        }
        Ok(None)
    }

    fn add_data(&mut self, line: Bytes) -> Result<(), EventTooLarge> {
        let data = match self.data.take() {
            None => EventData::Line(line),
            Some(earlier) => EventData::Lines(earlier.join(&line)),
        };
        if data.len() > self.limit {
            return Err(EventTooLarge);
        }
        self.data = Some(data);
        Ok(())
    }
}

impl EventData {
    fn len(&self) -> usize {
        match self {
            Self::Line(line) => line.len(),
            Self::Lines(lines) => lines.len(),
        }
    }

    fn join(self, line: &[u8]) -> Vec<u8> {
        let mut lines = match self {
            Self::Line(line) => line.to_vec(),
            Self::Lines(lines) => lines,
        };
        lines.push(b'\n');
        lines.extend_from_slice(line);
        lines
    }

    fn into_bytes(self) -> Bytes {
        match self {
            Self::Line(line) => line,
            Self::Lines(lines) => lines.into(),
        }
    }
}

/// Returns the position of the first line break.
fn line_end(bytes: &[u8]) -> Option<usize> {
    /// How many bytes are compared together, which the compiler does by vector instructions.
    const BLOCK: usize = 32;
    let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let has_break = |block: &[u8]| block.iter().fold(false, |any, byte| any | (*byte == b'\n') | (*byte == b'\r'));
    let whole = bytes.chunks_exact(BLOCK).take_while(|block| !has_break(block)).count() * BLOCK;
    bytes[whole..].iter().position(is_break).map(|at| whole + at)
}

/// Returns where the value begins in a line whose field is `data`, or `None` for another field.
fn data_start(line: &[u8]) -> Option<usize> {
    if line.starts_with(DATA) {
        return Some(DATA.len());
    }
    // Without a space behind the colon, or without a colon, the value is all that is left.
    match line.strip_prefix(b"data")? {
        [] => Some(line.len()),
        [b':', ..] => Some(DATA.len() - 1),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::super::write_event;
    use super::{EventDecoder, EventTooLarge};

    /// Decodes a stream that arrives in these chunks. Returns the events, and whether one was too large.
    fn decode<'a>(
        chunks: impl IntoIterator<Item = &'a [u8]>,
        limit: usize,
    ) -> (Vec<String>, Result<(), EventTooLarge>) {
        let mut decoder = EventDecoder::new(limit);
        let mut events = Vec::new();
        for chunk in chunks {
            decoder.push(Bytes::copy_from_slice(chunk));
            loop {
                match decoder.next_event() {
                    Ok(Some(data)) => events.push(String::from_utf8(data.to_vec()).unwrap()),
                    Ok(None) => break,
                    Err(error) => return (events, Err(error)),
                }
            }
        }
        (events, Ok(()))
    }

    #[track_caller]
    fn assert_events(text: &str, expected: &[&str]) {
        let (events, read) = decode([text.as_bytes()], 1000);
        assert_eq!((events, read), (expected.iter().map(|event| (*event).to_owned()).collect(), Ok(())), "{text:?}");
        let (events, _) = decode(text.as_bytes().chunks(1), 1000);
        assert_eq!(events, expected, "{text:?}, byte by byte");
    }

    #[test]
    fn each_form_of_line_break_ends_a_line() {
        assert_events("data: a\n\ndata: b\r\rdata: c\r\n\r\ndata: d\r\n\n", &["a", "b", "c", "d"]);
        assert_events("data: a\r\ndata: b\n\r\n", &["a\nb"]);
    }

    #[test]
    fn one_space_behind_the_colon_is_no_data() {
        assert_events("data:a\n\ndata: a\n\ndata:  a\n\ndata:\ta\n\n", &["a", "a", " a", "\ta"]);
    }

    #[test]
    fn several_data_lines_are_one_event() {
        assert_events("data: {\ndata:\ndata\ndata: }\n\n", &["{\n\n\n}"]);
        assert_events("data\n\ndata:\n\n", &["", ""]);
    }

    #[test]
    fn comments_and_other_fields_are_skipped() {
        assert_events(":\n\n: data: a\nid: 7\nevent: x\nretry: 5\n data: b\nDATA: c\ndatas: d\ndata: e\n\n", &["e"]);
        assert_events("id: 7\n\n\n\n", &[]);
    }

    #[test]
    fn byte_order_mark_is_skipped_at_the_beginning_only() {
        assert_events("\u{feff}data: a\n\n\u{feff}data: b\n\n", &["a"]);
        assert_events("\u{feff}\ndata: a\n\n", &["a"]);
    }

    #[test]
    fn event_without_its_empty_line_does_not_count() {
        assert_events("data: a\n\ndata: b\n", &["a"]);
        assert_events("data: a\n\ndata: b", &["a"]);
    }

    #[test]
    fn event_over_the_limit_is_an_error_before_all_of_it_is_kept() {
        assert_eq!(decode([&b"data: 12345\n\n"[..]], 5), (vec!["12345".to_owned()], Ok(())));
        for large in ["data: 123456\n\n", "data: 12\ndata: 345\n\n", "data:123456789012345", "id: 12345678901234\n"] {
            assert_eq!(decode([large.as_bytes()], 5), (vec![], Err(EventTooLarge)), "{large}");
            assert_eq!(decode(large.as_bytes().chunks(1), 5), (vec![], Err(EventTooLarge)), "{large}");
        }
    }

    #[test]
    fn line_breaks_are_found_at_each_position() {
        for length in 0..100 {
            let event = format!("data: {}\n\n", "x".repeat(length));
            assert_events(&event, &[&"x".repeat(length)]);
        }
    }

    /// Cuts the bytes at these places, each modulo what is left.
    fn cut<'a>(mut bytes: &'a [u8], places: &[usize]) -> Vec<&'a [u8]> {
        let mut chunks = Vec::new();
        for place in places {
            let (chunk, rest) = bytes.split_at(place % (bytes.len() + 1));
            chunks.push(chunk);
            bytes = rest;
        }
        chunks.push(bytes);
        chunks
    }

    proptest! {
        #[test]
        fn any_chunking_gives_the_same_events(
            lines in prop::collection::vec("(data: ?|data|id: |: |)[a-z\u{feff}]{0,40}(\n|\r|\r\n|\n\n|\r\r)", 0..20),
            places in prop::collection::vec(0..200_usize, 0..12),
            limit in 10..60_usize,
        ) {
            let text = lines.concat();
            let whole = decode([text.as_bytes()], limit);
            prop_assert_eq!(decode(cut(text.as_bytes(), &places), limit), whole.clone());
            prop_assert_eq!(decode(text.as_bytes().chunks(1), limit), whole);
        }

        #[test]
        fn written_messages_are_read_as_they_were(
            messages in prop::collection::vec("\\PC{0,50}", 0..8),
            places in prop::collection::vec(0..200_usize, 0..12),
        ) {
            let mut text = Vec::new();
            for message in &messages {
                text.extend_from_slice(b"id: 41\n");
                write_event(&mut text, message.as_bytes());
            }
            prop_assert_eq!(decode(cut(&text, &places), 1000), (messages, Ok(())));
        }
    }
}
