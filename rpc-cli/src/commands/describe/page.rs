//! [`Page`]: text with heads, paragraphs and tables.

use anstyle::{AnsiColor, Style};

use crate::escape::clean;

/// How wide paragraphs are.
const WIDTH: usize = 100;

/// Text under construction.
#[derive(Debug)]
pub(super) struct Page {
    text: String,
    has_colors: bool,
}

impl Page {
    pub(super) fn new(has_colors: bool) -> Self {
        Self { text: String::new(), has_colors }
    }

    pub(super) fn text(&self) -> &str {
        self.text.trim_end()
    }

    fn styled(&self, style: Style, text: &str) -> String {
        let text = clean(text);
        if self.has_colors { format!("{style}{text}{style:#}") } else { text }
    }

    /// Returns the name of a method or of a parameter.
    pub(super) fn name(&self, text: &str) -> String {
        self.styled(AnsiColor::Green.on_default().bold(), text)
    }

    /// Returns a type.
    pub(super) fn kind(&self, text: &str) -> String {
        self.styled(AnsiColor::Cyan.on_default(), text)
    }

    /// Returns a warning.
    pub(super) fn warning(&self, text: &str) -> String {
        self.styled(AnsiColor::Yellow.on_default(), text)
    }

    /// Begins a part.
    pub(super) fn head(&mut self, title: &str) {
        let title = self.styled(Style::new().bold(), title);
        self.gap();
        self.text.push_str(&title);
        self.text.push('\n');
    }

    /// Adds an empty line, unless one is there.
    pub(super) fn gap(&mut self) {
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// Adds a line at the margin.
    pub(super) fn title(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// Adds the lines of a part.
    pub(super) fn line(&mut self, lines: &str) {
        for line in lines.lines() {
            self.text.push_str(format!("  {line}").trim_end());
            self.text.push('\n');
        }
    }

    /// Adds text of the document: its lines are kept, and long ones are broken.
    pub(super) fn paragraph(&mut self, text: &str) {
        self.gap();
        for line in text.trim().lines() {
            self.text.push_str(&wrapped(&clean(line)));
            self.text.push('\n');
        }
    }

    /// Adds a table. Its last column may be of any width.
    pub(super) fn table(&mut self, rows: &[Vec<Cell>]) {
        let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
        let widths: Vec<_> = (0..columns)
            .map(|column| {
                let widths = rows.iter().filter_map(|row| row.get(column)).map(|cell| cell.width);
                // A long type must not push the docs of all others away.
                widths.filter(|width| *width <= WIDTH / 2).max().unwrap_or(0)
            })
            .collect();
        for row in rows {
            let cells = row
                .iter()
                .zip(&widths)
                .map(|(cell, width)| format!("{}{}", cell.text, " ".repeat(width.saturating_sub(cell.width))));
            self.line(&cells.collect::<Vec<_>>().join("  "));
        }
    }
}

/// A part of a row.
#[derive(Debug)]
pub(super) struct Cell {
    text: String,
    width: usize,
}

impl Cell {
    /// Makes a cell of text that is shown as `text`, which may have colors.
    pub(super) fn new(plain: &str, text: String) -> Self {
        Self { width: clean(plain).chars().count(), text }
    }

    pub(super) fn plain(text: &str) -> Self {
        let text = clean(text);
        Self { width: text.chars().count(), text }
    }
}

/// Breaks a line between words. The parts keep the indent.
fn wrapped(line: &str) -> String {
    let indent: String = line.chars().take_while(|c| *c == ' ').collect();
    if line.chars().count() <= WIDTH {
        return line.trim_end().to_owned();
    }
    let (mut text, mut width) = (String::new(), WIDTH + 1);
    for word in line.split_whitespace() {
        let length = word.chars().count();
        if width + 1 + length > WIDTH {
            if !text.is_empty() {
                text.push('\n');
            }
            text.push_str(&indent);
            width = indent.len();
        } else {
            text.push(' ');
            width += 1;
        }
        text.push_str(word);
        width += length;
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Cell, Page};

    #[test]
    fn parts_have_a_line_between_them_and_tables_are_aligned() {
        let mut page = Page::new(false);
        page.title("title");
        page.paragraph(&format!("{} {}\n\nb\u{1b}[1m", "word ".repeat(19).trim(), "longer"));
        page.head("Head");
        page.table(&[
            vec![Cell::plain("a"), Cell::plain("long"), Cell::plain("x")],
            vec![Cell::plain("bcd"), Cell::plain("s"), Cell::plain("")],
        ]);
        let words = "word ".repeat(19);
        let expected = format!("title\n\n{}\nlonger\n\nb [1m\n\nHead\n  a    long  x\n  bcd  s", words.trim());
        assert_eq!(page.text(), expected);
    }
}
