//! Splits references such as `#/components/schemas/User` into the steps of their JSON pointer, RFC 6901.

/// Why a reference has no steps in this document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoPointer {
    /// It refers to another document.
    Foreign,
    /// Its fragment is no JSON pointer.
    Invalid,
}

/// Returns the steps of a reference: names of members and indices of items.
pub(super) fn steps(reference: &str) -> Result<Vec<String>, NoPointer> {
    let fragment = reference.strip_prefix('#').ok_or(NoPointer::Foreign)?;
    let pointer = decode_percent(fragment).ok_or(NoPointer::Invalid)?;
    if pointer.is_empty() {
        return Ok(Vec::new());
    }
    let steps = pointer.strip_prefix('/').ok_or(NoPointer::Invalid)?;
    Ok(steps.split('/').map(unescape).collect())
}

/// Returns the index of an item. A pointer writes indices without leading zeros.
pub(super) fn index(step: &str) -> Option<usize> {
    let canonical = step == "0" || (!step.starts_with('0') && step.bytes().all(|byte| byte.is_ascii_digit()));
    if canonical { step.parse().ok() } else { None }
}

/// Replaces the escapes of URIs, or returns `None` if one is invalid.
pub(super) fn decode_percent(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        let is_escape = byte == b'%';
        decoded.push(if is_escape { hex(bytes.next()?)? << 4 | hex(bytes.next()?)? } else { byte });
    }
    String::from_utf8(decoded).ok()
}

/// Replaces the escapes of JSON pointers.
pub(super) fn unescape(step: &str) -> String {
    if step.contains('~') { step.replace("~1", "/").replace("~0", "~") } else { step.to_owned() }
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

#[cfg(test)]
mod tests {
    use super::{NoPointer, index, steps};

    #[test]
    fn percent_escapes_are_decoded_before_the_pointer_is_split() {
        assert_eq!(steps("#").unwrap(), [""; 0]);
        assert_eq!(steps("#/").unwrap(), [""]);
        assert_eq!(steps("#/components/schemas/a~1b~0c%20%C3%A9").unwrap(), ["components", "schemas", "a/b~c é"]);
        assert_eq!(steps("#/a%2Fb~01").unwrap(), ["a", "b~1"]);
    }

    #[test]
    fn references_without_a_pointer_are_told_from_those_to_other_documents() {
        for foreign in ["", "users.json#/User", "https://example.org/openrpc.json"] {
            assert_eq!(steps(foreign), Err(NoPointer::Foreign), "{foreign}");
        }
        for invalid in ["#User", "#/%C3", "#/%C", "#/%zz"] {
            assert_eq!(steps(invalid), Err(NoPointer::Invalid), "{invalid}");
        }
    }

    #[test]
    fn an_index_has_no_leading_zeros() {
        assert_eq!(
            ["0", "10", "01", "", "-", "+1", "1a"].map(index),
            [Some(0), Some(10), None, None, None, None, None]
        );
    }
}
