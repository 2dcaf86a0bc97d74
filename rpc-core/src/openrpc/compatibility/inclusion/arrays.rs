//! The keywords of arrays: which items remain to be compared.

use serde_json::{Map, Value};

use super::bounds::may_have_item;
use super::conjunction::{Conjunction, item};
use super::goal::Goals;
use super::violation::Place;

/// Checks the items of a schema. `bounds` checks their number.
pub(super) fn check<'a, 'b>(a: &Conjunction<'a>, b: &'b Map<String, Value>, place: &Place, goals: &mut Goals<'a, 'b>) {
    if !b.contains_key("items") {
        return;
    }
    let places = a.all("items").chain(b.get("items")).filter_map(Value::as_array).map(Vec::len).max().unwrap_or(0);
    for index in (0..places).take_while(|index| may_have_item(a, *index)) {
        let a = a.item(Some(index));
        // An array ends before the first place that no value suits.
        if a.is_never() {
            return;
        }
        if let Some(b) = item(b, Some(index)) {
            goals.add(a, b, place.item(index));
        }
    }
    if let Some(b) = item(b, None).filter(|_| may_have_item(a, places)) {
        goals.add(a.item(None), b, place.items());
    }
}
