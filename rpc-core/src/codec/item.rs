//! The notifications that carry the items of a stream. The server writes them.

use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

use super::request::write_string;
use crate::chain::SerializeError;
use crate::json::JsonText;
use crate::{ErrorCode, ErrorObject, IdRef, finite};

/// What a client is told that it has lost before an item.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ItemLoss {
    /// The number of items that were dropped because the client did not read them in time.
    pub lagged: u64,
    /// Whether the server no longer has the items between the client's cursor and this item.
    pub gap: bool,
}

/// The part that all notifications of a stream begin with.
#[derive(Debug)]
pub struct ItemPrefix(Box<[u8]>);

impl ItemPrefix {
    /// Makes the prefix of the notifications under this name, of the stream with this id.
    pub fn new(notification: &str, subscription: IdRef<'_>) -> Self {
        let mut text = Vec::with_capacity(96);
        text.extend_from_slice(br#"{"jsonrpc":"2.0","method":"#);
        write_string(notification, &mut text);
        text.extend_from_slice(br#","params":{"subscription":"#);
        text.extend_from_slice(subscription.as_json().as_bytes());
        Self(text.into())
    }

    /// Begins the notification of an item, whose text from [`write_item`] comes next.
    pub fn begin(&self, output: &mut Vec<u8>, loss: ItemLoss) {
        output.extend_from_slice(&self.0);
        if loss != ItemLoss::default() {
            write_loss(output, loss);
        }
    }
}

#[cold]
fn write_loss(output: &mut Vec<u8>, loss: ItemLoss) {
    if loss.lagged > 0 {
        output.extend_from_slice(br#","lagged":"#);
        output.extend_from_slice(loss.lagged.to_string().as_bytes());
    }
    if loss.gap {
        output.extend_from_slice(br#","gap":true"#);
    }
}

/// Appends the text of an item behind its [`ItemPrefix`], of at most `limit` bytes. Returns the place of its cursor.
///
/// # Errors
///
/// Returns the error with which the stream ends, if the item is over the limit or cannot be written as JSON.
pub fn write_item<C: Serialize + ?Sized, T: Serialize + ?Sized>(
    output: &mut Vec<u8>,
    limit: usize,
    cursor: Option<&C>,
    item: &T,
) -> Result<Option<Range<usize>>, ErrorObject> {
    let limit = output.len().saturating_add(limit);
    let mut text = JsonText::new(std::mem::take(output), limit);
    let written = write_parts(&mut text, cursor, item);
    let written = written.map_err(|error| unwritable(text.is_over(), error));
    *output = text.into_bytes();
    written
}

#[inline]
fn write_parts<C: Serialize + ?Sized, T: Serialize + ?Sized>(
    text: &mut JsonText,
    cursor: Option<&C>,
    item: &T,
) -> Result<Option<Range<usize>>, serde_json::Error> {
    let place = match cursor {
        None => None,
        Some(cursor) => {
            text.push(br#","cursor":"#)?;
            let start = text.as_bytes().len();
            finite::to_text(text, cursor)?;
            Some(start..text.as_bytes().len())
        }
    };
    text.push(br#","result":"#)?;
    finite::to_text(text, item)?;
    text.push(b"}}")?;
    Ok(place)
}

#[cold]
fn unwritable(is_over: bool, error: serde_json::Error) -> ErrorObject {
    if is_over {
        return ErrorCode::RESPONSE_TOO_LARGE.into();
    }
    ErrorObject::internal().with_shared_source(Arc::new(SerializeError { what: "item", error }))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{ItemLoss, ItemPrefix, write_item};
    use crate::{ErrorCode, IdRef};

    fn prefix() -> ItemPrefix {
        ItemPrefix::new("market.ticks", IdRef::from_json("7").unwrap())
    }

    fn written(loss: ItemLoss, cursor: Option<u32>, item: &str) -> String {
        let mut output = Vec::new();
        prefix().begin(&mut output, loss);
        let start = output.len();
        let place = write_item(&mut output, 200, cursor.as_ref(), item).unwrap();
        let text = String::from_utf8(output).unwrap();
        assert_eq!(place.map(|place| text[place].to_owned()), cursor.map(|cursor| cursor.to_string()));
        assert!(text[start..].starts_with(','));
        text
    }

    #[test]
    fn item_is_a_notification_with_the_id_of_its_stream() {
        assert_eq!(
            written(ItemLoss::default(), Some(41), "a"),
            r#"{"jsonrpc":"2.0","method":"market.ticks","params":{"subscription":7,"cursor":41,"result":"a"}}"#
        );
    }

    #[test]
    fn losses_are_told_with_the_item_behind_them() {
        assert_eq!(
            written(ItemLoss { lagged: 3, gap: true }, None, "a"),
            r#"{"jsonrpc":"2.0","method":"market.ticks","params":{"subscription":7,"lagged":3,"gap":true,"result":"a"}}"#
        );
    }

    #[test]
    fn item_that_cannot_be_sent_is_an_error() {
        let mut output = Vec::new();
        let error = write_item(&mut output, 20, None::<&()>, "long text").unwrap_err();
        assert_eq!(error.code(), ErrorCode::RESPONSE_TOO_LARGE);
        let unwritable = BTreeMap::from([((1, 2), 3)]);
        let error = write_item(&mut Vec::new(), 200, None::<&()>, &unwritable).unwrap_err();
        assert_eq!(error.code(), ErrorCode::INTERNAL_ERROR);
    }
}
