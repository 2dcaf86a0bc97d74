//! The forms in which methods declare the items of their streams. The macro picks the form by the item's type.

use rpc_core::{At, ErrorObject, RpcError};
use serde::Serialize;

use super::item_writer::ItemWriter;

/// Writes items of the type `I`.
#[doc(hidden)]
pub trait ItemForm<I>: Copy + Send + Sync + Unpin + 'static {
    #[doc(hidden)]
    fn write(self, item: I, writer: &mut ItemWriter<'_>) -> Result<(), ErrorObject>;
}

/// Items that are values.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct PlainItems;

/// Items with cursors, [`At`].
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct CursorItems;

/// Items that are a `Result`. The first error ends the stream.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct FallibleItems<F>(pub F);

impl<T: Serialize> ItemForm<T> for PlainItems {
    #[inline]
    fn write(self, item: T, writer: &mut ItemWriter<'_>) -> Result<(), ErrorObject> {
        writer.write(None::<&()>, false, &item)
    }
}

impl<C: Serialize, T: Serialize> ItemForm<At<C, T>> for CursorItems {
    #[inline]
    fn write(self, item: At<C, T>, writer: &mut ItemWriter<'_>) -> Result<(), ErrorObject> {
        writer.write(Some(&item.cursor), item.is_after_gap, &item.item)
    }
}

impl<T, E: RpcError, F: ItemForm<T>> ItemForm<Result<T, E>> for FallibleItems<F> {
    #[inline]
    fn write(self, item: Result<T, E>, writer: &mut ItemWriter<'_>) -> Result<(), ErrorObject> {
        match item {
            Ok(item) => self.0.write(item, writer),
            Err(error) => Err(error.to_error_object()),
        }
    }
}
