use std::sync::Arc;

use super::{FrameReader, Received, begin_text, end_text, write_close, write_pong};
use crate::load::{ConnectionLoad, SMALL, unlimited};
use crate::websocket::close::CloseReason;

const MASK: [u8; 4] = [0x12, 0x34, 0x56, 0x78];

/// Returns a frame as a client sends it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        len @ 0..=125 => frame.push(0x80 | u8::try_from(len).unwrap()),
        len @ 126..=65535 => {
            frame.push(0x80 | 126);
            frame.extend(u16::try_from(len).unwrap().to_be_bytes());
        }
        len => {
            frame.push(0x80 | 127);
            frame.extend((len as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    frame
}

fn load() -> Arc<ConnectionLoad> {
    unlimited(1 << 20)
}

fn reader() -> FrameReader {
    FrameReader::new(200_000, &load())
}

/// Reads bytes in pieces of this size.
fn read(reader: &mut FrameReader, bytes: &[u8], piece: usize) -> Result<Vec<Received>, CloseReason> {
    let mut all = Vec::new();
    for piece in bytes.chunks(piece) {
        let mut piece = piece.to_vec();
        let mut rest = &mut piece[..];
        while let Some(received) = reader.read(&mut rest)? {
            all.push(received);
        }
        assert!(rest.is_empty());
    }
    Ok(all)
}

fn text(payload: impl Into<Vec<u8>>) -> Received {
    Received::Message(payload.into().into())
}

#[test]
fn messages_are_the_same_however_their_bytes_arrive() {
    let long = "ab\u{e4}".repeat(30_000);
    let mut bytes = frame(0x81, b"first");
    bytes.extend(frame(0x01, "\u{e4}".as_bytes().split_at(1).0));
    bytes.extend(frame(0x89, b"are you there"));
    bytes.extend(frame(0x00, "\u{e4}".as_bytes().split_at(1).1));
    bytes.extend(frame(0x8a, b""));
    bytes.extend(frame(0x80, b"!"));
    bytes.extend(frame(0x81, long.as_bytes()));
    bytes.extend(frame(0x81, b""));
    bytes.extend(frame(0x81, &[b'x'; 126]));
    bytes.extend(frame(0x88, &[3, 233, b'a']));
    for piece in [1, 2, 3, 7, 1000, bytes.len()] {
        let expected = [
            text("first"),
            Received::Ping(b"are you there".to_vec()),
            Received::Pong,
            text("\u{e4}!"),
            text(long.clone()),
            text(""),
            text("x".repeat(126)),
            Received::Close(Some(1001)),
        ];
        assert_eq!(read(&mut reader(), &bytes, piece).unwrap(), expected, "{piece}");
    }
}

#[test]
fn frames_that_violate_the_protocol_are_refused() {
    let mut unmasked = frame(0x81, b"a");
    unmasked[1] &= 0x7f;
    let mut huge = vec![0x81, 0x80 | 127];
    huge.extend([0xff; 8]);
    huge.extend(MASK);
    let within = [frame(0x01, b"a"), frame(0x81, b"b")].concat();
    for (bytes, expected) in [
        (frame(0xc1, b"a"), CloseReason::Protocol("a reserved bit is set")),
        (unmasked, CloseReason::Protocol("a frame is not masked")),
        (frame(0x09, b"a"), CloseReason::Protocol("a control frame is fragmented")),
        (frame(0x89, &[0; 126]), CloseReason::Protocol("a control frame is too long")),
        (frame(0x82, b"a"), CloseReason::Binary),
        (frame(0x02, b"a"), CloseReason::Binary),
        (within, CloseReason::Protocol("a message begins within another")),
        (frame(0x80, b"a"), CloseReason::Protocol("a fragment belongs to no message")),
        (frame(0x83, b"a"), CloseReason::Protocol("a frame has an unknown opcode")),
        (frame(0x8b, b"a"), CloseReason::Protocol("a frame has an unknown opcode")),
        (huge, CloseReason::TooLarge),
        (frame(0x81, b"\xff"), CloseReason::NotUtf8),
        (frame(0x88, b"a"), CloseReason::Protocol("a close frame has half a code")),
        (frame(0x88, &[3, 237]), CloseReason::Protocol("a close frame has an invalid code")),
        (frame(0x88, &[0, 0]), CloseReason::Protocol("a close frame has an invalid code")),
        (frame(0x88, &[3, 232, 0xff]), CloseReason::NotUtf8),
    ] {
        for piece in [1, bytes.len()] {
            assert_eq!(read(&mut reader(), &bytes, piece).unwrap_err(), expected, "{bytes:x?}");
        }
    }
}

#[test]
fn fragments_are_limited_together() {
    let parts: Vec<u8> = (0..3).flat_map(|part| frame(if part == 0 { 0x01 } else { 0x00 }, &[b'a'; 50])).collect();
    assert_eq!(read(&mut FrameReader::new(150, &load()), &parts, 1000), Ok(vec![]));
    assert_eq!(read(&mut FrameReader::new(149, &load()), &parts, 1000), Err(CloseReason::TooLarge));
}

#[test]
fn announced_payload_takes_no_memory_before_it_arrives() {
    let load = load();
    let mut reader = FrameReader::new(10 << 20, &load);
    let whole = frame(0x81, &vec![b'a'; 5 << 20]);
    assert_eq!(read(&mut reader, &whole[..20], 20), Ok(vec![]));
    assert!(reader.message.bytes.capacity() <= SMALL);
    assert_eq!(read(&mut reader, &whole[20..100_000], 4096), Ok(vec![]));
    assert!(reader.message.bytes.capacity() <= 250_000);
    assert_eq!(reader.message.room.bytes(), reader.message.bytes.len());
}

#[test]
fn large_message_without_room_is_refused_and_a_small_one_is_left_to_the_session() {
    let load = unlimited(1000);
    let small = vec![b'a'; SMALL];
    assert_eq!(read(&mut FrameReader::new(200_000, &load), &frame(0x81, &small), 999), Ok(vec![text(small.clone())]));
    let large = frame(0x81, &vec![b'a'; SMALL + 1]);
    assert_eq!(read(&mut FrameReader::new(200_000, &load), &large, 999), Err(CloseReason::NoRoom));
}

#[test]
fn reader_keeps_no_memory_between_messages() {
    let mut reader = reader();
    read(&mut reader, &frame(0x81, &vec![b'a'; 100_000]), 4096).unwrap();
    read(&mut reader, &frame(0x8a, &[1; 100]), 4096).unwrap();
    assert_eq!((reader.message.bytes.capacity(), reader.control.capacity(), reader.message.room.bytes()), (0, 0, 0));
}

#[test]
fn headers_have_the_shortest_form() {
    for (len, expected) in [
        (0, vec![0x81, 0]),
        (125, vec![0x81, 125]),
        (126, vec![0x81, 126, 0, 126]),
        (65535, vec![0x81, 126, 0xff, 0xff]),
        (65536, vec![0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
    ] {
        let mut output = b"before".to_vec();
        let start = begin_text(&mut output);
        output.extend(vec![b'a'; len]);
        end_text(&mut output, start);
        assert_eq!(output[6..], [expected, vec![b'a'; len]].concat());
    }
    let mut output = b"before".to_vec();
    let start = begin_text(&mut output);
    output.truncate(start);
    write_pong(&mut output, b"a");
    write_close(&mut output, Some(1001), "bye");
    write_close(&mut output, None, "");
    assert_eq!(output[6..], [&[0x8a, 1, b'a', 0x88, 5, 3, 233][..], b"bye", &[0x88, 0]].concat());
}
