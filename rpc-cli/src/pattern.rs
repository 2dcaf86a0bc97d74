//! [`Pattern`]: the names of methods that a command line selects.

use std::convert::Infallible;
use std::str::FromStr;

/// A pattern of names: `*` is any text, and `?` any character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern(String);

impl FromStr for Pattern {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl Pattern {
    /// Returns whether a name matches. A pattern without wildcards also matches all names of that namespace.
    pub(crate) fn matches(&self, name: &str) -> bool {
        if self.0.contains(['*', '?']) {
            return matches(&self.0.chars().collect::<Vec<_>>(), &name.chars().collect::<Vec<_>>());
        }
        name.strip_prefix(self.0.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '/']))
    }
}

/// Matches greedily. After a mismatch, the last `*` takes one character more, so the time is bounded by the product of
/// the lengths.
fn matches(pattern: &[char], name: &[char]) -> bool {
    let (mut at, mut next) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while next < name.len() {
        match pattern.get(at) {
            Some('*') => {
                star = Some((at, next));
                at += 1;
            }
            Some(c) if *c == '?' || *c == name[next] => {
                at += 1;
                next += 1;
            }
            _ => {
                let Some((star_at, taken)) = star else { return false };
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                next = taken + 1;
            }
        }
    }
    pattern[at..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn wildcards_stand_for_text() {
        let matches = |pattern: &str, name| pattern.parse::<Pattern>().unwrap().matches(name);
        for (pattern, name) in [
            ("user.*", "user.get"),
            ("*", ""),
            ("*get", "user.get"),
            ("u*r.?et", "user.get"),
            ("**", "a"),
            ("user", "user.get"),
            ("user", "user"),
            ("user.get", "user.get"),
            ("a*b*c", "aXbXbXc"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in
            [("user.*", "users.get"), ("user", "users"), ("?", ""), ("*x", "user"), ("u?r", "user"), ("", "user")]
        {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        let (many_stars, long) = ("*a".repeat(50) + "b", "a".repeat(2000));
        assert!(!matches(&many_stars, &long));
    }
}
