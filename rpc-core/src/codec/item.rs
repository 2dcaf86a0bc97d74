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

    /// Appends the notification of an item, of at most `limit` bytes. Returns the place of its cursor.
    ///
    /// # Errors
    ///
    /// Returns the error with which the stream ends, if the item is over the limit or cannot be written as JSON. The
    /// output is then unchanged.
    pub fn write<C: Serialize + ?Sized, T: Serialize + ?Sized>(
        &self,
        output: &mut Vec<u8>,
        limit: usize,
        cursor: Option<&C>,
        loss: ItemLoss,
        item: &T,
    ) -> Result<Option<Range<usize>>, ErrorObject> {
        let start = output.len();
        let mut text = JsonText::new(std::mem::take(output), start.saturating_add(limit));
        let written = self.write_parts(&mut text, cursor, loss, item);
        let written = written.map_err(|error| unwritable(text.is_over(), error));
        if written.is_err() {
            text.truncate(start);
        }
        *output = text.into_bytes();
        written
    }

    fn write_parts<C: Serialize + ?Sized, T: Serialize + ?Sized>(
        &self,
        text: &mut JsonText,
        cursor: Option<&C>,
        loss: ItemLoss,
        item: &T,
    ) -> Result<Option<Range<usize>>, serde_json::Error> {
        text.push(&self.0)?;
        if loss != ItemLoss::default() {
            write_loss(text, loss)?;
        }
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
}

#[cold]
fn write_loss(text: &mut JsonText, loss: ItemLoss) -> Result<(), serde_json::Error> {
    if loss.lagged > 0 {
        text.push(format!(r#","lagged":{}"#, loss.lagged).as_bytes())?;
    }
    if loss.gap {
        text.push(br#","gap":true"#)?;
    }
    Ok(())
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

    use super::{ItemLoss, ItemPrefix};
    use crate::{ErrorCode, IdRef};

    fn prefix() -> ItemPrefix {
        ItemPrefix::new("market.ticks", IdRef::from_json("7").unwrap())
    }

    #[test]
    fn item_is_a_notification_with_the_id_of_its_stream() {
        let mut output = b"x".to_vec();
        let place = prefix().write(&mut output, 200, Some(&41), ItemLoss::default(), "a").unwrap().unwrap();
        let text = std::str::from_utf8(&output).unwrap();
        assert_eq!(
            text,
            r#"x{"jsonrpc":"2.0","method":"market.ticks","params":{"subscription":7,"cursor":41,"result":"a"}}"#
        );
        assert_eq!(&text[place], "41");
    }

    #[test]
    fn losses_are_told_with_the_item_behind_them() {
        let mut output = Vec::new();
        let loss = ItemLoss { lagged: 3, gap: true };
        prefix().write(&mut output, 200, None::<&()>, loss, &1).unwrap();
        let expected =
            br#"{"jsonrpc":"2.0","method":"market.ticks","params":{"subscription":7,"lagged":3,"gap":true,"result":1}}"#;
        assert_eq!(output, expected);
    }

    #[test]
    fn item_that_cannot_be_sent_leaves_the_output_as_it_was() {
        let mut output = b"x".to_vec();
        let written = prefix().write(&mut output, 80, None::<&()>, ItemLoss::default(), "long text");
        assert_eq!(written.unwrap_err().code(), ErrorCode::RESPONSE_TOO_LARGE);
        let unwritable = BTreeMap::from([((1, 2), 3)]);
        let written = prefix().write(&mut output, 800, None::<&()>, ItemLoss::default(), &unwritable);
        assert_eq!(written.unwrap_err().code(), ErrorCode::INTERNAL_ERROR);
        assert_eq!(output, b"x");
    }
}
