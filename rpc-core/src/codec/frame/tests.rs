use super::{Frame, FrameDecoder, FrameError, begin_frame, end_frame};
use crate::Framing;

/// Decodes the bytes in pieces of this size. Returns the messages, with `None` for those that are too large.
fn decode(framing: Framing, bytes: &[u8], piece: usize) -> (Vec<Option<String>>, Result<(), FrameError>) {
    let mut decoder = FrameDecoder::new(framing, 20);
    let mut frames = Vec::new();
    for mut piece in bytes.chunks(piece) {
        loop {
            match decoder.decode(&mut piece) {
                Ok(None) => break,
                Ok(Some(Frame::Message(message))) => frames.push(Some(String::from_utf8(message.into()).unwrap())),
                Ok(Some(Frame::TooLarge)) => frames.push(None),
                Err(error) => return (frames, Err(error)),
            }
        }
        assert!(decoder.buffered() <= 22.max(super::MAX_HEAD));
    }
    frames.extend(decoder.finish().map(|rest| Some(String::from_utf8(rest.into()).unwrap())));
    (frames, Ok(()))
}

/// Checks that bytes have these messages, wherever they are cut.
fn assert_decoded(framing: Framing, bytes: &str, expected: &[Option<&str>], end: Result<(), FrameError>) {
    for piece in [1, 2, 3, 7, bytes.len().max(1)] {
        let (frames, ended) = decode(framing, bytes.as_bytes(), piece);
        let frames: Vec<Option<&str>> = frames.iter().map(Option::as_deref).collect();
        assert_eq!((frames.as_slice(), ended), (expected, end), "{bytes:?} in pieces of {piece}");
    }
}

#[test]
fn each_line_is_a_message() {
    for (bytes, expected) in [
        ("", &[][..]),
        ("{}\n", &[Some("{}")][..]),
        ("{}\r\n[1]\n", &[Some("{}"), Some("[1]")]),
        ("\n\r\n  \n{}\n", &[Some("{}")]),
        ("{}\n[1]", &[Some("{}"), Some("[1]")]),
        ("12345678901234567890\n{}\n", &[Some("12345678901234567890"), Some("{}")]),
        ("123456789012345678901\n{}\n", &[None, Some("{}")]),
        ("1234567890123456789012345678901234567890\r\n{}\n", &[None, Some("{}")]),
    ] {
        assert_decoded(Framing::Lines, bytes, expected, Ok(()));
    }
}

#[test]
fn length_in_the_head_delimits_a_message() {
    for (bytes, expected) in [
        ("Content-Length: 2\r\n\r\n{}", &[Some("{}")][..]),
        ("content-length:2\r\ncontent-type: a; charset=utf8\r\n\r\n{}", &[Some("{}")]),
        ("Content-Length: 2\n\n{}Content-Length: 3\r\n\r\n[1]", &[Some("{}"), Some("[1]")]),
        ("Content-Length: 2\r\n\r\n{}\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n[]", &[Some("{}"), Some("[]")]),
        ("Content-Length: 4\r\n\r\n{\n\n}", &[Some("{\n\n}")]),
        ("Content-Length: 0\r\n\r\nContent-Length: 2\r\n\r\n{}", &[Some(""), Some("{}")]),
        ("Content-Length: 21\r\n\r\n123456789012345678901Content-Length: 2\r\n\r\n{}", &[None, Some("{}")]),
        ("Content-Length: 18446744073709551615\r\n\r\n1234", &[None]),
        ("Content-Length: 9\r\n\r\n{}", &[]),
    ] {
        assert_decoded(Framing::ContentLength, bytes, expected, Ok(()));
    }
}

#[test]
fn faulty_head_ends_the_stream() {
    let long = format!("X-Long: {}\r\n\r\n", "x".repeat(super::MAX_HEAD));
    for (bytes, error) in [
        ("{}\r\n\r\n", FrameError::Header),
        ("Content-Type: a\r\n\r\n{}", FrameError::NoLength),
        ("Content-Length: x\r\n\r\n{}", FrameError::Length),
        ("Content-Length: +2\r\n\r\n{}", FrameError::Length),
        ("Content-Length: 18446744073709551616\r\n\r\n{}", FrameError::Length),
        ("Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", FrameError::Length),
        ("Content-Length: 2\r\nContent-Type: a; charset=latin1\r\n\r\n{}", FrameError::Charset),
        (&long, FrameError::TooLong),
    ] {
        assert_decoded(Framing::ContentLength, bytes, &[], Err(error));
    }
}

#[test]
fn written_messages_are_read_again() {
    for framing in [Framing::Lines, Framing::ContentLength] {
        let mut output = Vec::new();
        for text in ["{}", "[1,\r\n2]", "1234567890"] {
            let start = begin_frame(framing, &mut output);
            output.extend_from_slice(text.as_bytes());
            end_frame(framing, &mut output, start);
            let start = begin_frame(framing, &mut output);
            output.extend_from_slice(b"retracted");
            output.truncate(start);
        }
        let second = if framing == Framing::Lines { "[1,  2]" } else { "[1,\r\n2]" };
        let expected = [Some("{}"), Some(second), Some("1234567890")];
        assert_decoded(framing, std::str::from_utf8(&output).unwrap(), &expected, Ok(()));
    }
}
