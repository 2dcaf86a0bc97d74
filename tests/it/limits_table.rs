//! The table of limits in docs/production.md, held to what a server does by default.

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

#[test]
fn every_limit_stands_in_the_table_with_its_default() {
    let limits = format!("{:?}", Limits::default());
    let fields = limits.strip_prefix("Limits { ").and_then(|limits| limits.strip_suffix(" }")).unwrap();
    let defaults: BTreeMap<&str, String> = fields
        .split(", ")
        .map(|field| field.split_once(": ").unwrap())
        .map(|(name, value)| (name, readable(name, value)))
        .collect();
    let rows = PAGE.lines().filter_map(|line| line.strip_prefix("| `")).filter_map(|row| row.split_once("` | "));
    // There is a table of metrics, too, whose names have dots.
    let rows = rows.filter(|(name, _)| !name.contains('.'));
    let documented: BTreeMap<&str, String> =
        rows.map(|(name, rest)| (name, rest.split_once(" |").unwrap().0.to_owned())).collect();
    assert_eq!(documented, defaults);
}
