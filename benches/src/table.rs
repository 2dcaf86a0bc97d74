//! Tables of results, as text and as Markdown for the documentation.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

use crate::stats::Spread;

/// A table with a row for each request and a column for each subject.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Table {
    /// The name of the table in commands and in the documentation's markers.
    pub(crate) id: String,
    /// What the numbers mean, with their unit.
    pub(crate) title: String,
    /// The heading of the rows, then those of the columns.
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

#[derive(Clone, Debug, Deserialize, Serialize)]
pub(crate) struct Row {
    pub(crate) label: String,
    /// `None` where a subject does not support the request.
    pub(crate) cells: Vec<Option<Spread>>,
}

impl Table {
    pub(crate) fn new<'a>(id: &str, title: &str, first: &'a str, columns: impl IntoIterator<Item = &'a str>) -> Self {
        let head = std::iter::once(first).chain(columns).map(str::to_owned).collect();
        Self { id: id.to_owned(), title: title.to_owned(), head, rows: Vec::new() }
    }

    pub(crate) fn row<T: Into<Spread>>(
        &mut self,
        label: impl Into<String>,
        cells: impl IntoIterator<Item = Option<T>>,
    ) {
        let cells = cells.into_iter().map(|cell| cell.map(Into::into)).collect();
        self.rows.push(Row { label: label.into(), cells });
    }

    /// Returns the median of a cell.
    pub(crate) fn median(&self, row: &str, column: &str) -> Option<f64> {
        let row = self.rows.iter().find(|candidate| candidate.label == row)?;
        let place = self.head.iter().skip(1).position(|candidate| candidate == column)?;
        row.cells.get(place).copied().flatten().map(|cell| cell.median)
    }

    /// Writes the table as Markdown, with aligned columns so that it is readable as text.
    pub(crate) fn markdown(&self) -> String {
        let lines: Vec<Vec<String>> =
            std::iter::once(self.head.clone()).chain(self.rows.iter().map(Row::texts)).collect();
        let widths: Vec<usize> = (0..self.head.len())
            .map(|place| {
                lines.iter().filter_map(|line| line.get(place)).map(|cell| cell.chars().count()).max().unwrap_or(0)
            })
            .collect();
        let mut out = String::new();
        for (number, line) in lines.iter().enumerate() {
            write_line(&mut out, line, &widths);
            if number == 0 {
                let rule = widths.iter().enumerate().map(|(place, width)| rule(place, *width));
                write_line(&mut out, &rule.collect::<Vec<_>>(), &widths);
            }
        }
        out
    }
}

impl Row {
    fn texts(&self) -> Vec<String> {
        std::iter::once(self.label.clone())
            .chain(self.cells.iter().map(|cell| cell.map_or("-".to_owned(), text)))
            .collect()
    }
}

/// Aligns numbers right and labels left.
fn rule(place: usize, width: usize) -> String {
    let dashes = "-".repeat(width.max(2) - usize::from(place > 0));
    if place == 0 { dashes } else { format!("{dashes}:") }
}

fn write_line(out: &mut String, cells: &[String], widths: &[usize]) {
    for (place, (cell, width)) in cells.iter().zip(widths).enumerate() {
        let pad = " ".repeat(width.saturating_sub(cell.chars().count()));
        let (before, after) = if place == 0 { ("", &*pad) } else { (&*pad, "") };
        let _ = write!(out, "| {before}{cell}{after} ");
    }
    out.push_str("|\n");
}

fn text(spread: Spread) -> String {
    let digits = digits(spread.median);
    let write = |value| with_digits(value, digits);
    let median = write(spread.median);
    match spread.quartiles.map(|(low, high)| (write(low), write(high))) {
        Some((low, high)) if (&low, &high) != (&median, &median) => format!("{median} ({low}–{high})"),
        _ => median,
    }
}

/// Writes a number with its significant digits.
pub(crate) fn number(value: f64) -> String {
    with_digits(value, digits(value))
}

/// Returns the number of significant digits after the decimal point.
fn digits(value: f64) -> usize {
    match value.abs() {
        size if size < 20.0 => 2,
        size if size < 100.0 => 1,
        _ => 0,
    }
}

fn with_digits(value: f64, digits: usize) -> String {
    if digits > 0 { format!("{value:.digits$}") } else { with_commas(&format!("{value:.0}")) }
}

/// Writes a count with separated thousands.
pub(crate) fn grouped(count: usize) -> String {
    with_commas(&count.to_string())
}

fn with_commas(digits: &str) -> String {
    let mut out = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) && !out.ends_with('-') {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_digits_that_mean_something() {
        assert_eq!([1.049, 36.24, 999.6, 14_774.4].map(number), ["1.05", "36.2", "1,000", "14,774"]);
    }

    #[test]
    fn quartiles_are_shown_where_they_differ() {
        assert_eq!(text(Spread { median: 1.5, quartiles: Some((1.25, 1.75)) }), "1.50 (1.25–1.75)");
        assert_eq!(text(Spread { median: 1.0, quartiles: Some((1.0, 1.0)) }), "1.00");
    }

    #[test]
    fn markdown_aligns_its_columns() {
        let mut table = Table::new("toy", "Toys", "what", ["ours"]);
        table.row("one", [Some(1.0)]);
        table.row("three", [None::<f64>]);
        assert_eq!(table.markdown(), "| what  | ours |\n| ----- | ---: |\n| one   | 1.00 |\n| three |    - |\n");
    }
}
