//! The tables of limits in docs/production.md, compared with a server's defaults.

use std::collections::BTreeMap;

use rpc::Limits;

const PAGE: &str = include_str!("../../docs/production.md");

/// Writes a default as the page does: with its unit, and with commas in large numbers.
fn readable(name: &str, value: &str) -> String {
    if let Some(seconds) = value.strip_suffix('s').filter(|seconds| seconds.parse::<u64>().is_ok()) {
        let seconds: u64 = seconds.parse().unwrap();
        return if seconds >= 600 && seconds.is_multiple_of(60) {
            format!("{} min", seconds / 60)
        } else {
            format!("{seconds} s")
        };
    }
    let number: u64 = value.parse().unwrap_or_else(|_| panic!("{name} is neither a time nor a number: {value}"));
    match number {
        _ if !name.ends_with("_bytes") => with_commas(number),
        _ if number.is_multiple_of(1 << 20) => format!("{} MiB", number >> 20),
        _ if number.is_multiple_of(1 << 10) => format!("{} KiB", number >> 10),
        _ => format!("{} bytes", with_commas(number)),
    }
}

fn with_commas(number: u64) -> String {
    if number < 1000 { number.to_string() } else { format!("{},{:03}", with_commas(number / 1000), number % 1000) }
}

/// Returns all limits with their defaults.
fn defaults() -> BTreeMap<String, String> {
    let limits = format!("{:?}", Limits::default());
    let fields = limits.strip_prefix("Limits { ").and_then(|limits| limits.strip_suffix(" }")).unwrap();
    let fields = fields.split(", ").map(|field| field.split_once(": ").unwrap());
    fields.map(|(name, value)| (name.to_owned(), readable(name, value))).collect()
}

/// Returns the rows of the first table after a heading, without their outer bars.
fn rows(heading: &str) -> impl Iterator<Item = &'static str> {
    let (_, behind) = PAGE.split_once(heading).expect("the page has this heading");
    let rows = behind.lines().skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches(['|', ' ']))
}

#[test]
fn every_limit_stands_in_the_table_with_its_default() {
    let rows = rows("\n## Limits\n").filter_map(|row| row.strip_prefix('`')?.split_once("` | "));
    let documented: BTreeMap<String, String> =
        rows.map(|(name, rest)| (name.to_owned(), rest.split_once(" |").unwrap().0.to_owned())).collect();
    assert_eq!(documented, defaults());
}

#[test]
fn the_table_of_shares_speaks_of_every_limit() {
    let table: Vec<&str> = rows("\n### What one connection, one principal and one address can take\n").collect();
    assert!(table.iter().all(|row| row.matches(" | ").count() == 3 || row.starts_with("---")), "{table:?}");
    for name in defaults().keys() {
        assert!(table.iter().any(|row| row.contains(&format!("`{name}`"))), "no row speaks of {name}");
    }
}
