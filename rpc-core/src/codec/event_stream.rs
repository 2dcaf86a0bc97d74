//! Server-sent events, the form of streams over HTTP: [`write_event`] for the server, [`EventDecoder`] for the client.
//! See <https://html.spec.whatwg.org/multipage/server-sent-events.html>.

mod decoder;

pub use decoder::{EventDecoder, EventTooLarge};

/// The comment that keeps an event stream alive.
pub const HEARTBEAT: &[u8] = b":\n\n";

/// Appends a message as one event. `cursor` is JSON text and becomes the event's id.
pub fn write_event(output: &mut Vec<u8>, cursor: Option<&[u8]>, message: &[u8]) {
    if let Some(cursor) = cursor {
        output.extend_from_slice(b"id: ");
        push_line(output, cursor);
        output.push(b'\n');
    }
    output.extend_from_slice(b"data: ");
    push_line(output, message);
    output.extend_from_slice(b"\n\n");
}

/// Appends JSON text as one line. Line breaks in JSON are white space between tokens, so a space has the same meaning.
fn push_line(output: &mut Vec<u8>, json: &[u8]) {
    let start = output.len();
    output.extend_from_slice(json);
    for byte in &mut output[start..] {
        if matches!(*byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}

#[cfg(test)]
mod tests {
    use super::write_event;

    #[test]
    fn message_is_one_line_whatever_its_white_space() {
        let mut output = Vec::new();
        write_event(&mut output, Some(b"7"), b"{\"a\":\r\n 1}");
        write_event(&mut output, None, b"{}");
        assert_eq!(output, b"id: 7\ndata: {\"a\":   1}\n\ndata: {}\n\n");
    }
}
