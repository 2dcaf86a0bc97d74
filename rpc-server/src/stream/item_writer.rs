//! [`ItemWriter`]: writes one item of a stream as text.

use rpc_core::ErrorObject;
use rpc_core::codec::write_item;
use serde::Serialize;

use super::queue::EncodedItem;

/// Writes one item of a stream.
#[doc(hidden)]
#[derive(Debug)]
pub struct ItemWriter<'a> {
    pub(super) item: &'a mut EncodedItem,
    /// The maximum size of the item, in bytes.
    pub(super) limit: usize,
}

impl ItemWriter<'_> {
    #[inline]
    pub(super) fn write<C: Serialize, T: Serialize>(
        &mut self,
        cursor: Option<&C>,
        is_after_gap: bool,
        item: &T,
    ) -> Result<(), ErrorObject> {
        self.item.is_after_gap = is_after_gap;
        self.item.cursor = write_item(&mut self.item.text, self.limit, cursor, item)?;
        Ok(())
    }
}
