//! As much of Markdown as the checks need: fences, inline code, links and headings.

use std::collections::{BTreeMap, BTreeSet};

/// A block of code between two fences.
pub(super) struct Fence<'t> {
    /// The line of the opening fence, counted from 0.
    pub(super) line: usize,
    /// What follows the opening fence, such as `rust,ignore`.
    pub(super) info: &'t str,
    pub(super) code: Vec<&'t str>,
    pub(super) is_closed: bool,
}

/// A text, taken apart into its fences and all other lines.
pub(super) struct Markdown<'t> {
    pub(super) fences: Vec<Fence<'t>>,
    /// All lines. Fences and what they enclose are `None`.
    pub(super) prose: Vec<Option<&'t str>>,
}

/// A link to somewhere.
pub(super) struct Link {
    /// Counted from 0.
    pub(super) line: usize,
    pub(super) to: String,
}

impl<'t> Markdown<'t> {
    pub(super) fn new(lines: impl Iterator<Item = &'t str>) -> Self {
        let mut markdown = Self { fences: Vec::new(), prose: Vec::new() };
        let mut opening = None;
        for (number, line) in lines.enumerate() {
            let fence = fence(line);
            match (opening, fence) {
                (None, None) => markdown.prose.push(Some(line)),
                (None, Some((mark, length, info))) => {
                    opening = Some((mark, length));
                    markdown.fences.push(Fence { line: number, info, code: Vec::new(), is_closed: false });
                    markdown.prose.push(None);
                }
                (Some((mark, length)), fence) => {
                    let closes = fence.is_some_and(|fence| fence.0 == mark && fence.1 >= length && fence.2.is_empty());
                    if let Some(open) = markdown.fences.last_mut() {
                        open.is_closed = closes;
                        open.code.extend((!closes).then_some(line));
                    }
                    if closes {
                        opening = None;
                    }
                    markdown.prose.push(None);
                }
            }
        }
        markdown
    }

    /// Lists the destinations of inline links, of images, and of reference definitions.
    pub(super) fn links(&self) -> Vec<Link> {
        let text = self.without_code();
        let mut links = Vec::new();
        for (at, _) in text.match_indices("](") {
            let line = text[..at].matches('\n').count();
            links.extend(destination(&text[at + 2..]).map(|to| Link { line, to: to.to_owned() }));
        }
        for (line, text) in text.lines().enumerate() {
            let definition = text.trim_start().strip_prefix('[').and_then(|text| text.split_once("]:"));
            let Some((label, to)) = definition else { continue };
            let to = to.split_whitespace().next().filter(|_| !label.contains(']') && !label.starts_with('^'));
            links.extend(to.map(|to| Link { line, to: to.trim_matches(['<', '>']).to_owned() }));
        }
        links
    }

    /// Returns the names that links can lead to: those of headings, as GitHub makes them, and those of anchors.
    pub(super) fn anchors(&self) -> BTreeSet<String> {
        let mut repeats = BTreeMap::<String, usize>::new();
        let mut anchors = BTreeSet::new();
        for line in self.prose.iter().flatten() {
            if let Some(heading) = heading(line) {
                let slug = slug(heading);
                let repeat = repeats.entry(slug.clone()).or_default();
                anchors.insert(if *repeat == 0 { slug } else { format!("{slug}-{repeat}") });
                *repeat += 1;
            }
            for tag in line.split("<a ").skip(1) {
                let names = ["id=\"", "name=\""].into_iter().filter_map(|key| tag.split_once(key));
                anchors.extend(names.filter_map(|(_, name)| name.split('"').next()).map(str::to_owned));
            }
        }
        anchors
    }

    /// Returns the text with blanks for inline code and empty lines for fences.
    fn without_code(&self) -> String {
        let lines: Vec<&str> = self.prose.iter().map(|line| line.unwrap_or_default()).collect();
        let mut text = lines.join("\n");
        let mut from = 0;
        while let Some(start) = text[from..].find('`').map(|at| from + at) {
            let ticks = text[start..].chars().take_while(|char| *char == '`').count();
            from = start + ticks;
            // Inline code ends in its paragraph, or is none.
            let end = text[from..].find("\n\n").map_or(text.len(), |at| from + at);
            let Some(end) = closing(&text[from..end], ticks).map(|at| from + at + ticks) else { continue };
            let blank = |char: char| if char == '\n' { "\n".to_owned() } else { " ".repeat(char.len_utf8()) };
            let blanks: String = text[start..end].chars().map(blank).collect();
            text.replace_range(start..end, &blanks);
            from = end;
        }
        text
    }
}

/// Reads a line that opens or closes a fence: its character, their number, and what follows.
fn fence(line: &str) -> Option<(char, usize, &str)> {
    let line = line.trim();
    let mark = line.chars().next().filter(|char| matches!(char, '`' | '~'))?;
    let info = line.trim_start_matches(mark);
    let length = line.len() - info.len();
    (length >= 3 && !info.contains('`')).then_some((mark, length, info.trim()))
}

/// Returns the place of the next run of just as many backticks.
fn closing(text: &str, ticks: usize) -> Option<usize> {
    let mut from = 0;
    while let Some(at) = text[from..].find('`').map(|at| from + at) {
        let run = text[at..].chars().take_while(|char| *char == '`').count();
        if run == ticks {
            return Some(at);
        }
        from = at + run;
    }
    None
}

/// Reads the destination of an inline link, behind its opening parenthesis. `None` when it is no link.
fn destination(text: &str) -> Option<&str> {
    let text = text.trim_start();
    if let Some(text) = text.strip_prefix('<') {
        return text.split(['>', '\n']).next();
    }
    let mut depth = 0;
    let end = text.find(|char: char| {
        match char {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        depth < 0 || char.is_whitespace()
    })?;
    // A title may follow. Other words show that it is no link.
    let rest = text[end..].trim_start();
    rest.starts_with([')', '"', '\'', '(']).then(|| &text[..end])
}

/// Returns the text of a heading.
fn heading(line: &str) -> Option<&str> {
    let text = line.trim_start_matches('#');
    let level = line.len() - text.len();
    let text = text.strip_prefix(' ').filter(|_| (1..=6).contains(&level))?;
    Some(text.trim().trim_end_matches('#').trim())
}

/// Returns the name that GitHub gives a heading.
fn slug(heading: &str) -> String {
    let mut text = heading.to_owned();
    // A link in a heading counts as its text.
    while let Some(start) = text.find("](") {
        let end = text[start..].find(')').map_or(text.len(), |end| start + end + 1);
        text.replace_range(start..end, "");
    }
    let kept = text.chars().filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
    kept.map(|char| if char == ' ' { '-' } else { char }).collect::<String>().to_lowercase()
}
