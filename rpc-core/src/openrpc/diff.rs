//! A line diff of two texts, for the failure message of `contract`.

use std::fmt::Write;
use std::ops::Range;

/// The number of lines shown around those that differ.
const AROUND: usize = 3;

/// The maximum number of pairs of lines that are compared. In texts with more differences, everything between the first
/// and the last one is shown as changed.
const MOST_PAIRS: usize = 4_000_000;

#[derive(Clone, Copy, PartialEq, Eq)]
enum DiffKind {
    Same,
    Gone,
    New,
}

type DiffLine<'t> = (DiffKind, &'t str);

/// Writes the lines that differ, with some lines around them: `-` before removed lines, `+` before new ones.
pub(super) fn lines(old: &str, new: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (old.lines().collect(), new.lines().collect());
    if old == new {
        return "only the line break at the end differs\n".to_owned();
    }
    let all = compare(&old, &new);
    let mut text = String::new();
    let mut end = 0;
    for shown in shown(&all) {
        if shown.start > end {
            let _ = writeln!(text, "  ...");
        }
        end = shown.end;
        for (kind, line) in &all[shown] {
            let sign = match kind {
                DiffKind::Same => ' ',
                DiffKind::Gone => '-',
                DiffKind::New => '+',
            };
            let _ = writeln!(text, "{sign} {line}");
        }
    }
    if end < all.len() {
        let _ = writeln!(text, "  ...");
    }
    text
}

/// Returns the ranges of lines to show, with a gap between neighbours.
fn shown(all: &[DiffLine<'_>]) -> Vec<Range<usize>> {
    let mut stretches = Vec::<Range<usize>>::new();
    for (index, _) in all.iter().enumerate().filter(|(_, (kind, _))| *kind != DiffKind::Same) {
        let stretch = index.saturating_sub(AROUND)..(index + AROUND + 1).min(all.len());
        match stretches.last_mut() {
            Some(last) if last.end >= stretch.start => last.end = stretch.end,
            _ => stretches.push(stretch),
        }
    }
    stretches
}

fn compare<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<DiffLine<'t>> {
    let before = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (old_rest, new_rest) = (&old[before..], &new[before..]);
    let after = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(old, new)| old == new).count();
    let (old_middle, new_middle) = (&old_rest[..old_rest.len() - after], &new_rest[..new_rest.len() - after]);
    let same = |lines: &[&'t str]| lines.iter().map(|line| (DiffKind::Same, *line)).collect::<Vec<_>>();
    let mut all = same(&old[..before]);
    all.extend(middle(old_middle, new_middle));
    all.extend(same(&old_rest[old_rest.len() - after..]));
    all
}

/// Compares by the longest common subsequence.
fn middle<'t>(old: &[&'t str], new: &[&'t str]) -> Vec<DiffLine<'t>> {
    let mut all = Vec::new();
    let (mut i, mut j) = (0, 0);
    if old.len().saturating_mul(new.len()) <= MOST_PAIRS {
        let longest = longest_common(old, new);
        while i < old.len() && j < new.len() {
            if old[i] == new[j] {
                all.push((DiffKind::Same, old[i]));
                (i, j) = (i + 1, j + 1);
            } else if longest[i + 1][j] >= longest[i][j + 1] {
                all.push((DiffKind::Gone, old[i]));
                i += 1;
            } else {
                all.push((DiffKind::New, new[j]));
                j += 1;
            }
        }
    }
    all.extend(old[i..].iter().map(|line| (DiffKind::Gone, *line)));
    all.extend(new[j..].iter().map(|line| (DiffKind::New, *line)));
    all
}

/// Returns the length of the longest common subsequence of the rests of both texts, from each pair of lines on.
fn longest_common(old: &[&str], new: &[&str]) -> Vec<Vec<u32>> {
    let mut longest = vec![vec![0; new.len() + 1]; old.len() + 1];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            longest[i][j] =
                if old[i] == new[j] { longest[i + 1][j + 1] + 1 } else { longest[i + 1][j].max(longest[i][j + 1]) };
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::lines;

    #[test]
    fn what_differs_is_shown_with_what_is_around_it() {
        let old = "a\nb\nc\nd\ne\nf\ng\nh\ni\nj\nk\nl\nm\nn";
        let new = "a\nb\nc\nd\nE\nf\ng\nh\ni\nj\nk\nl\nn\no";
        let expected = "  ...\n  b\n  c\n  d\n- e\n+ E\n  f\n  g\n  h\n  ...\n  j\n  k\n  l\n- m\n  n\n+ o\n";
        assert_eq!(lines(old, new), expected);
    }

    #[test]
    fn a_line_break_at_the_end_is_told_in_words() {
        assert_eq!(lines("a", "a\n"), "only the line break at the end differs\n");
        assert_eq!(lines("a\n\n", "a\n"), "  a\n- \n");
    }

    #[test]
    fn a_line_that_moves_is_gone_and_new_and_the_others_stay() {
        assert_eq!(lines("a\nb\nc", "c\na\nb"), "+ c\n  a\n  b\n- c\n");
        assert_eq!(lines("", "a"), "+ a\n");
        assert_eq!(lines("a", ""), "- a\n");
    }
}
