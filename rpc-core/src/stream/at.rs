/// An item of a stream that clients can resume, with its cursor.
///
/// The cursor says where the item is in the sequence: a number, a time, the key of a row. A client that lost its
/// connection calls the method again with the cursor of the last item that it got, as [`After`](crate::After).
///
/// # Example
///
/// ```
/// use rpc::At;
///
/// let tick = At::new(42, "EURUSD 1.09");
/// assert_eq!((tick.cursor, tick.item), (42, "EURUSD 1.09"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct At<C, T> {
    /// The place of the item in its sequence.
    pub cursor: C,
    /// The item.
    pub item: T,
    /// Whether items before this one are lost: see [`after_gap`](Self::after_gap).
    pub is_after_gap: bool,
}

impl<C, T> At<C, T> {
    /// Makes an item at a cursor.
    pub const fn new(cursor: C, item: T) -> Self {
        Self { cursor, item, is_after_gap: false }
    }

    /// Tells the client that items between its cursor and this item are lost, because the server no longer has them.
    ///
    /// Typed clients yield an error with `is_gap()` before the item, and the stream goes on.
    #[must_use]
    pub fn after_gap(mut self) -> Self {
        self.is_after_gap = true;
        self
    }
}
