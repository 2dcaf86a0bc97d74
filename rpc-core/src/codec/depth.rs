/// Is how many levels of arrays and objects a request may be nested, its own object included.
pub const MAX_DEPTH: usize = 128;

/// Tells whether JSON text is nested deeper than so many levels.
///
/// The text must be valid JSON. Nesting is what recursive decoders pay for with stack, and what a value that is passed
/// on unread would make the next reader pay for.
pub fn is_deeper_than(json: &str, levels: usize) -> bool {
    // Most text has too few brackets to be deep, and counting them needs no look at strings. Setting bit 0x20 makes
    // one byte of both kinds of opening bracket.
    let opening = json.bytes().filter(|byte| byte | 0x20 == b'{').count();
    opening > levels && measure(json) > levels
}

fn measure(json: &str) -> usize {
    let (mut depth, mut deepest) = (0_usize, 0);
    let mut bytes = json.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'{' | b'[' => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' => depth -= 1,
            b'"' => skip_string(&mut bytes),
            _ => {}
        }
    }
    deepest
}

fn skip_string(bytes: &mut std::str::Bytes<'_>) {
    while let Some(byte) = bytes.next() {
        match byte {
            b'"' => return,
            b'\\' => drop(bytes.next()),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{is_deeper_than, measure};

    #[test]
    fn depth_counts_arrays_and_objects_alike() {
        assert_eq!(measure("1"), 0);
        assert_eq!(measure(r#"[{"a":[]},[]]"#), 3);
    }

    #[test]
    fn brackets_in_strings_do_not_count() {
        assert_eq!(measure(r#"["[[[[", "\"[[[", "\\"]"#), 1);
        assert!(!is_deeper_than(r#"["[[[[[[[["]"#, 2));
    }

    #[test]
    fn the_limit_itself_is_not_too_deep() {
        let nested = |levels| "[".repeat(levels) + &"]".repeat(levels);
        assert!(!is_deeper_than(&nested(128), 128));
        assert!(is_deeper_than(&nested(129), 128));
    }
}
