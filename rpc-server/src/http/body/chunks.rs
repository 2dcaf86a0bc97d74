//! Collects the frames of a request body and joins them once, at the end. Nearly all bodies are one frame, which is not
//! copied.

use bytes::{Bytes, BytesMut};

/// The minimum size of a piece that is kept without a copy, in bytes. Smaller pieces are copied together, since each
/// would take more memory than its bytes.
const LARGE: usize = 4 << 10;

/// The size at which copied pieces are closed, in bytes.
const TOGETHER: usize = 64 << 10;

/// A body that arrives piece by piece.
///
/// The pieces are joined only when all have arrived. A buffer that grows with each piece would at times be twice as
/// large. Its earlier sizes would also leave holes in the heap, for every body that is abandoned halfway.
#[derive(Debug, Default)]
pub(super) struct BodyChunks {
    /// The first piece. Nearly every body has only one.
    first: Bytes,
    others: Vec<Bytes>,
    small: BytesMut,
    len: usize,
}

impl BodyChunks {
    /// Returns the number of bytes.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn push(&mut self, piece: Bytes) {
        self.len += piece.len();
        if self.first.is_empty() {
            self.first = piece;
        } else if piece.len() < LARGE {
            self.small.extend_from_slice(&piece);
            if self.small.len() >= TOGETHER {
                self.close_small();
            }
        } else {
            self.close_small();
            self.others.push(piece);
        }
    }

    fn close_small(&mut self) {
        if !self.small.is_empty() {
            self.others.push(std::mem::take(&mut self.small).freeze());
        }
    }

    /// Joins the pieces.
    pub(super) fn whole(mut self) -> Bytes {
        if self.len == self.first.len() {
            return self.first;
        }
        self.close_small();
        let mut whole = BytesMut::with_capacity(self.len);
        whole.extend_from_slice(&self.first);
        self.others.iter().for_each(|piece| whole.extend_from_slice(piece));
        whole.freeze()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{BodyChunks, LARGE, TOGETHER};

    fn of(sizes: &[usize]) -> (BodyChunks, Vec<u8>) {
        let (mut pieces, mut expected) = (BodyChunks::default(), Vec::new());
        for (byte, size) in (0u8..).zip(sizes) {
            let piece = vec![byte; *size];
            expected.extend_from_slice(&piece);
            pieces.push(Bytes::from(piece));
        }
        (pieces, expected)
    }

    #[test]
    fn pieces_of_any_size_come_together_in_their_order() {
        for sizes in [
            &[][..],
            &[0, 0],
            &[10],
            &[10, 20],
            &[0, 10, LARGE, 1, 1, LARGE - 1, LARGE + 1, 3],
            &[LARGE, LARGE, LARGE],
            &[TOGETHER, LARGE - 1, 5],
        ] {
            let (pieces, expected) = of(sizes);
            assert_eq!(pieces.len(), expected.len(), "{sizes:?}");
            assert_eq!(pieces.whole(), expected, "{sizes:?}");
        }
    }

    #[test]
    fn a_body_of_one_piece_is_taken_as_it_is() {
        let piece = Bytes::from(vec![1; 100]);
        let mut pieces = BodyChunks::default();
        pieces.push(piece.clone());
        assert_eq!(pieces.whole().as_ptr(), piece.as_ptr());
    }

    #[test]
    fn small_pieces_take_little_more_than_their_bytes() {
        let mut pieces = BodyChunks::default();
        (0..2 * TOGETHER).for_each(|_| pieces.push(Bytes::from_static(b"x")));
        assert!(pieces.others.len() <= 2, "{}", pieces.others.len());
        assert_eq!(pieces.whole().len(), 2 * TOGETHER);
    }
}
