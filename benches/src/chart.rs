//! Charts as SVG, drawn from the tables of results.

mod bars;
mod lines;
mod svg;

use crate::results::Results;
use crate::table::Table;

/// Draws the charts that have results. Returns each with its file name.
pub(crate) fn draw_all(results: &Results) -> Vec<(&'static str, String)> {
    let throughput = results.table("server-time").map(|table| ("throughput.svg", throughput(table)));
    let one = results.table("parts-one");
    let one =
        one.map(|table| ("parts-one.svg", parts(table, "One call: user-space instructions of the server, by part")));
    let batch = results.table("parts-batch-100");
    let batch = batch.map(|table| {
        ("parts-batch.svg", parts(table, "A call in a batch of 100: user-space instructions of the server, by part"))
    });
    [throughput, one, batch].into_iter().flatten().collect()
}

/// Batch sizes, each with its row in the tables.
const SIZES: [(f64, &str); 4] = [
    (1.0, "one call"),
    (10.0, "a call in a batch of 10"),
    (100.0, "a call in a batch of 100"),
    (1_000.0, "a call in a batch of 1,000"),
];

fn throughput(table: &Table) -> String {
    let lines = shown_columns(table).map(|(column, name)| {
        let point = |(size, row): (f64, &str)| table.median(row, column).map(|micros| (size, 1e6 / micros));
        lines::Line { name, points: SIZES.into_iter().filter_map(point).collect() }
    });
    let chart = lines::LineChart {
        title: "Throughput by batch size",
        x_label: "calls in a batch",
        y_label: "calls per second of one core's time",
        lines: lines.collect(),
    };
    chart.draw()
}

/// The parts of the tables, grouped into as many as a chart can show.
const GROUPS: [(&str, &[&str]); 6] = [
    ("HTTP and runtime", &["hyper, http", "tokio, mio"]),
    (
        "JSON-RPC, code by hand",
        &[
            "jsonrpsee",
            "ours: connections",
            "ours: HTTP face",
            "ours: codec",
            "ours: dispatch",
            "ours: params",
            "handler, code by hand",
        ],
    ),
    ("router", &["axum, tower"]),
    ("serde", &["serde, serde_json"]),
    ("allocator, memory", &["allocator", "memory copied, compared"]),
    ("rest", &["standard library, C library"]),
];

fn parts(table: &Table, title: &str) -> String {
    let bars = shown_columns(table).map(|(column, name)| {
        let sum = |rows: &[&str]| rows.iter().filter_map(|row| table.median(row, column)).sum();
        bars::Bar { name, segments: GROUPS.iter().map(|(_, rows)| sum(rows)).collect() }
    });
    let chart = bars::BarChart {
        title,
        x_label: "instructions",
        segments: GROUPS.map(|(name, _)| name).to_vec(),
        bars: bars.collect(),
    };
    chart.draw()
}

/// Returns the columns that charts show, each with its name without Markdown. The server with an unused logger is left
/// out: only the tables show it.
fn shown_columns(table: &Table) -> impl Iterator<Item = (&str, String)> {
    let columns = table.head.iter().skip(1).filter(|column| !column.contains("logger"));
    columns.map(|column| (column.as_str(), column.replace(['*', '`'], "")))
}
