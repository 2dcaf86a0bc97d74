//! Splits a command line into words, as shells do, and fits candidates to the words of bash.

/// Splits a line into its words, without their quotes. The last word is the one at the end, which may be empty.
pub(crate) fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    // `None` between two words. A word that is only quotes is empty.
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if c == open => quote = None,
            (None | Some('"'), '\\') => word.get_or_insert_default().extend(chars.next()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.push(word.unwrap_or_default());
    words
}

/// Returns the part of a candidate that bash inserts: it takes the characters of `breaks` as ends of words, so that all
/// before the last one of the current word already stands on the line.
pub(crate) fn unbroken<'a>(candidate: &'a str, current: &str, breaks: &str) -> &'a str {
    let kept = current.rfind(|c| breaks.contains(c)).map_or(0, |index| index + 1);
    candidate.get(kept..).unwrap_or(candidate)
}

#[cfg(test)]
mod tests {
    use super::{unbroken, words};

    #[test]
    fn words_have_no_quotes() {
        assert_eq!(words("rpc call  http://a:1 "), ["rpc", "call", "http://a:1", ""]);
        assert_eq!(words(r#"a -H 'x: y' "b \"c" d\ e ''"#), ["a", "-H", "x: y", "b \"c", "d e", ""]);
        assert_eq!(words("a 'open"), ["a", "open"]);
        assert_eq!(words(""), [""]);
        assert_eq!(words("a\\"), ["a"]);
    }

    #[test]
    fn bash_inserts_what_follows_the_last_break() {
        assert_eq!(unbroken("order=asc", "order=a", "=:"), "asc");
        assert_eq!(unbroken("order=asc", "order=", "=:"), "asc");
        assert_eq!(unbroken("order=", "ord", "=:"), "order=");
        assert_eq!(unbroken("@prod", "@p", "@"), "prod");
        assert_eq!(unbroken("user.get", "user", "=:"), "user.get");
    }
}
