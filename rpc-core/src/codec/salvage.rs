//! Finds the ids of calls in a message that cannot be read as a whole. On a session, a client finds an error only by
//! the ids of its calls.

use super::scan::{NotJson, Scanner};
use crate::IdRef;

/// Calls back with the id of each call, up to the place where the message is broken. Other messages have no id here:
/// notifications, responses, and those with two ids. `take` returns whether it wants more ids. Returns whether the
/// message is a batch.
pub fn salvage_ids<'a>(message: &'a [u8], mut take: impl FnMut(IdRef<'a>) -> bool) -> bool {
    let valid = match std::str::from_utf8(message) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&message[..error.valid_up_to()]).unwrap_or_default(),
    };
    let mut scanner = Scanner::new(valid);
    let mut take_of = |scanner: &mut Scanner<'a>| -> Result<(), NotJson> {
        let (id, read) = call_id(scanner);
        let wants_more = id.is_none_or(&mut take);
        if wants_more { read } else { Err(NotJson) }
    };
    let is_batch = scanner.peek() == Some(b'[');
    // It fails where the message is broken.
    let _ = if is_batch { scanner.members(b'[', b']', take_of) } else { take_of(&mut scanner) };
    is_batch
}

/// Reads a message. Returns its id, if it is a call as far as it can be read, and whether all of it could be read.
fn call_id<'a>(scanner: &mut Scanner<'a>) -> (Option<IdRef<'a>>, Result<(), NotJson>) {
    if scanner.peek() != Some(b'{') {
        return (None, scanner.value().map(drop));
    }
    let (mut ids, mut has_method, mut has_outcome) = (Vec::new(), false, false);
    let read = scanner.members(b'{', b'}', |scanner| -> Result<(), NotJson> {
        let member = scanner.name(Member::of_name)?;
        let value = scanner.value()?;
        match member {
            // A number at the end of the text may have been longer.
            Member::Id => ids.push(IdRef::from_json(value).filter(|_| scanner.peek().is_some())),
            Member::Method => has_method = true,
            Member::Outcome => has_outcome = true,
            Member::Other => {}
        }
        Ok(())
    });
    let id = match ids[..] {
        [Some(id)] if has_method && !has_outcome && !id.is_null() => Some(id),
        _ => None,
    };
    (id, read)
}

#[derive(Clone, Copy)]
enum Member {
    Id,
    Method,
    Outcome,
    Other,
}

impl Member {
    fn of_name(name: &str) -> Self {
        match name {
            "id" => Self::Id,
            "method" => Self::Method,
            "result" | "error" => Self::Outcome,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::salvage_ids;

    fn salvaged(message: &[u8]) -> (Vec<String>, bool) {
        let mut ids = Vec::new();
        let is_batch = salvage_ids(message, |id| {
            ids.push(id.as_json().to_owned());
            true
        });
        (ids, is_batch)
    }

    #[test]
    fn ids_of_calls_are_found_up_to_the_broken_place() {
        for (message, ids, is_batch) in [
            (r#"{"id":7,"method":"a","params":[1,"#, &["7"][..], false),
            (r#"{"method":"a","id":"x"} trash"#, &["\"x\""], false),
            (r#" [{"method":"a","id":1},{"id":2,"method":"b","par"#, &["1", "2"], true),
            (r#"[{"method":"a","id":1},{"method":"b"},7,{"id":3,"method":"c"}"#, &["1", "3"], true),
            (r#"[{"method":"a","id":1},nonsense,{"method":"b","id":2}]"#, &["1"], true),
            (r#"{"method":"a","id":7"#, &[], false),
        ] {
            let expected: Vec<String> = ids.iter().map(|id| (*id).to_owned()).collect();
            assert_eq!(salvaged(message.as_bytes()), (expected, is_batch), "{message}");
        }
    }

    #[test]
    fn other_messages_have_no_ids() {
        for message in [
            r#"{"id":7,"result":1,"#,
            r#"{"id":7,"method":"a","error":{},"#,
            r#"{"id":7,"#,
            r#"{"id":1,"id":2,"method":"a","#,
            r#"{"id":null,"method":"a","#,
            r#"{"id":[7],"method":"a","#,
            "nonsense",
            "",
            "[",
        ] {
            assert_eq!(salvaged(message.as_bytes()).0, Vec::<String>::new(), "{message}");
        }
    }

    #[test]
    fn text_is_read_up_to_what_is_not_utf8_and_reading_stops_on_demand() {
        assert_eq!(salvaged(b"{\"id\":7,\"method\":\"a\",\"params\":\"\xff\"}").0, ["7"]);
        let mut taken = 0;
        salvage_ids(br#"[{"method":"a","id":1},{"method":"a","id":2}]"#, |_| {
            taken += 1;
            false
        });
        assert_eq!(taken, 1);
    }
}
