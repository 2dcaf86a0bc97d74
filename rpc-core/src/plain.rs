//! Finds the bytes of a string that JSON must escape: quotes, backslashes and control characters.

/// The length in bytes from which a string is read in blocks. Most strings are shorter, and reading those in words is
/// faster.
const LONG: usize = 64;

/// The size of a block in bytes. The compiler turns the test of a block into a few vector instructions.
const BLOCK: usize = 64;

const ONES: u64 = u64::from_ne_bytes([0x01; 8]);
const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);

/// Returns the position of the next byte to escape, or the length if there is none. Reads long strings in blocks.
#[inline]
pub(crate) fn plain_end(bytes: &[u8], start: usize) -> usize {
    let near = &bytes[..bytes.len().min(start + LONG)];
    let end = short_end(near, start);
    if end < near.len() || near.len() == bytes.len() { end } else { far_end(bytes, end) }
}

/// Like [`plain_end`], in words only, which leaves callers more registers. For names and other short strings.
#[inline]
pub(crate) fn short_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        let marks = marks(u64::from_le_bytes(*chunk));
        if marks != 0 {
            return at + marks.trailing_zeros() as usize / 8;
        }
        at += 8;
    }
    while bytes.get(at).is_some_and(|byte| !is_special(*byte)) {
        at += 1;
    }
    at
}

/// Like [`plain_end`], after the first bytes of a long string.
#[cold]
#[inline(never)]
fn far_end(bytes: &[u8], start: usize) -> usize {
    let blocks = bytes[start..].as_chunks::<BLOCK>().0;
    let plain = BLOCK * blocks.iter().take_while(|block| is_plain_block(block)).count();
    short_end(bytes, start + plain)
}

/// Returns whether a string contains nothing to escape.
#[inline(always)]
pub(crate) fn is_plain(bytes: &[u8]) -> bool {
    // The first and the last bytes together cover the string. They overlap unless it has twice their length.
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        if bytes.len() > 16 {
            return is_plain_text(bytes);
        }
        return marks(u64::from_le_bytes(*first)) | marks(u64::from_le_bytes(*last)) == 0;
    }
    if let (Some(first), Some(last)) = (bytes.first_chunk(), bytes.last_chunk()) {
        let (first, last) = (u32::from_le_bytes(*first), u32::from_le_bytes(*last));
        return marks(u64::from(first) | u64::from(last) << 32) == 0;
    }
    !bytes.iter().any(|byte| is_special(*byte))
}

/// Returns whether a string of 16 bytes or more contains nothing to escape.
#[inline(never)]
fn is_plain_text(bytes: &[u8]) -> bool {
    let (blocks, rest) = bytes.as_chunks::<BLOCK>();
    blocks.iter().all(is_plain_block)
        && rest.as_chunks::<16>().0.iter().all(is_plain_block)
        && bytes.last_chunk::<16>().is_none_or(is_plain_block)
}

/// Returns whether a block contains nothing to escape. It has no branches, so that the compiler makes vector
/// instructions of it.
#[inline]
fn is_plain_block<const N: usize>(block: &[u8; N]) -> bool {
    !block.iter().fold(false, |any, byte| any | is_special(*byte))
}

#[inline(always)]
fn is_special(byte: u8) -> bool {
    (byte < 0x20) | (byte == b'"') | (byte == b'\\')
}

/// Sets the high bit of each byte that needs an escape. Bytes above the lowest such byte may be marked wrongly.
#[inline(always)]
fn marks(word: u64) -> u64 {
    // The subtraction borrows into a byte's high bit if the byte is smaller. The borrow can propagate into the bytes
    // above and mark them wrongly, but never into those below. So the lowest mark is always right.
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    let quote = word ^ (ONES * b'"' as u64);
    let quote = quote.wrapping_sub(ONES) & !quote;
    let backslash = word ^ (ONES * b'\\' as u64);
    let backslash = backslash.wrapping_sub(ONES) & !backslash;
    (control | quote | backslash) & HIGH
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, LONG, is_plain, plain_end, short_end};

    #[test]
    fn the_first_byte_to_escape_is_found_wherever_it_stands() {
        for len in 0..LONG + 3 * BLOCK {
            let plain = vec![b'a'; len];
            assert_eq!(plain_end(&plain, 0), len);
            assert!(is_plain(&plain));
            for at in 0..len {
                for byte in [b'"', b'\\', 0, 0x1f] {
                    let mut bytes = plain.clone();
                    bytes[at] = byte;
                    assert_eq!(plain_end(&bytes, 0), at, "{byte:#x} of {len}");
                    assert_eq!(short_end(&bytes, 0), at, "{byte:#x} of {len}");
                    assert_eq!(plain_end(&bytes, at + 1), len, "behind {at} of {len}");
                    assert!(!is_plain(&bytes), "{byte:#x} at {at} of {len}");
                }
            }
        }
    }

    #[test]
    fn only_quotes_backslashes_and_control_characters_are_escaped() {
        for byte in 0..=u8::MAX {
            let special = byte < 0x20 || byte == b'"' || byte == b'\\';
            for at in [0, 3, 7, 8, 16, LONG, LONG + BLOCK - 1, LONG + BLOCK + 3] {
                let mut bytes = vec![0x7f; at + 1];
                bytes[at] = byte;
                assert_eq!(plain_end(&bytes, 0) == at, special, "{byte:#x} at {at}");
                assert_eq!(is_plain(&bytes), !special, "{byte:#x} at {at}");
            }
        }
    }
}
