//! Finds the names that a user probably meant.

use crate::escape::escape_line;

/// How many names are suggested.
const MOST: usize = 3;

/// How many known names are listed.
const MOST_KNOWN: usize = 24;

/// Returns the known names that are most like a name, the nearest first. Names that have little in common with it are
/// left out.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let name = name.to_lowercase();
    let most = (name.chars().count() / 3).max(2);
    let mut near: Vec<_> = known
        .into_iter()
        .map(|known| (distance(&name, &known.to_lowercase()), known))
        .filter(|(distance, known)| *distance <= most || known.to_lowercase().contains(&name))
        .collect();
    near.sort();
    near.into_iter().map(|(_, known)| known).take(MOST).collect()
}

/// Returns a sentence that suggests names, or lists all that are known.
pub(crate) fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<_> = known.into_iter().collect();
    let near = nearest(name, known.iter().copied());
    match (&*near, &*known) {
        ([], []) => "there are none".to_owned(),
        ([], known) => format!("known are {}", list(known)),
        (near, _) => format!("did you mean {}?", list(near)),
    }
}

/// Writes names of a server.
pub(crate) fn list(names: &[&str]) -> String {
    let mut shown: Vec<_> = names.iter().take(MOST_KNOWN).map(|name| format!("`{}`", escape_line(name))).collect();
    shown.extend((names.len() > MOST_KNOWN).then(|| "...".to_owned()));
    shown.join(", ")
}

/// Returns how many characters must be inserted, removed or replaced to make one text of the other.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<_> = other.chars().collect();
    let mut row: Vec<_> = (0..=other.len()).collect();
    for (index, from) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], index + 1);
        for (place, to) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(from != *to);
            diagonal = row[place + 1];
            row[place + 1] = replaced.min(diagonal + 1).min(row[place] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::{distance, nearest, suggestion};

    #[test]
    fn distance_counts_edits() {
        for (one, other, edits) in
            [("", "", 0), ("id", "id", 0), ("", "abc", 3), ("kitten", "sitting", 3), ("ab", "ba", 2)]
        {
            assert_eq!(distance(one, other), edits, "{one} {other}");
            assert_eq!(distance(other, one), edits, "{other} {one}");
        }
    }

    #[test]
    fn names_that_are_alike_are_suggested() {
        let known = ["user.get", "user.set", "order.get", "health"];
        assert_eq!(nearest("user.gte", known), ["user.get"]);
        assert_eq!(nearest("user.et", known), ["user.get", "user.set"]);
        assert_eq!(nearest("USER.GET", known)[0], "user.get");
        assert_eq!(nearest("get", known), ["user.get", "order.get"]);
        assert!(nearest("completely_other", known).is_empty());
        assert_eq!(suggestion("healt", known), "did you mean `health`?");
        assert_eq!(suggestion("zzzzzzzz", ["a", "b"]), "known are `a`, `b`");
        assert_eq!(suggestion("zzzzzzzz", ["a\u{1b}c\nerror: b"]), "known are `a\\u001bc\\u000aerror: b`");
        let many = suggestion("zzzzzzzz", ["a"; 1000]);
        assert!(many.ends_with("`a`, ...") && many.len() < 200, "{many}");
        assert_eq!(suggestion("zzz", []), "there are none");
    }
}
