//! Writes the results into docs/performance.md and draws its charts.

use std::fs;

use crate::Result;
use crate::chart;
use crate::results::{Results, repository};
use crate::table::Table;

/// Rewrites the text between the page's markers, and the charts next to the page.
pub(crate) fn write() -> Result<()> {
    let results = Results::load()?;
    let docs = repository().join("docs");
    let page = docs.join("performance.md");
    fs::write(&page, fill(&fs::read_to_string(&page)?, &results)?)?;
    fs::create_dir_all(docs.join("performance"))?;
    for (name, svg) in chart::draw_all(&results) {
        fs::write(docs.join("performance").join(name), svg)?;
    }
    Ok(())
}

const OPEN: &str = "<!-- table: ";
const CLOSE: &str = "<!-- end -->";

/// Fills each section from `<!-- table: ID -->` to its `<!-- end -->`. A table without results keeps its text.
fn fill(page: &str, results: &Results) -> Result<String> {
    let mut out = String::new();
    let mut rest = page;
    while let Some((before, after)) = rest.split_once(OPEN) {
        let (id, after) = after.split_once(" -->").ok_or("a marker is not closed")?;
        let (old, after) = after.split_once(CLOSE).ok_or_else(|| format!("table {id} has no end"))?;
        let new = results.table(id).map(|table| section(table, &results.compiler));
        out.push_str(&format!("{before}{OPEN}{id} -->{}{CLOSE}", new.as_deref().unwrap_or(old)));
        rest = after;
    }
    Ok(out + rest)
}

fn section(table: &Table, compiler: &str) -> String {
    format!("\n{} ({compiler}):\n\n{}", table.title, table.markdown())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results() -> Results {
        let mut table = Table::new("toy", "Toys", "", ["ours"]);
        table.row("one", [Some(1.0)]);
        Results { compiler: "rustc 1.95.0".to_owned(), tables: vec![table] }
    }

    #[test]
    fn only_the_table_between_its_markers_is_replaced() {
        let page = "before <!-- table: toy -->old<!-- end --> between <!-- table: other -->kept<!-- end --> after";
        let filled = fill(page, &results()).unwrap();
        assert!(filled.starts_with("before <!-- table: toy -->\nToys (rustc 1.95.0):\n\n|"), "{filled}");
        assert!(filled.ends_with("|\n<!-- end --> between <!-- table: other -->kept<!-- end --> after"), "{filled}");
        assert_eq!(fill(&filled, &results()).unwrap(), filled);
    }

    #[test]
    fn marker_without_end_is_refused() {
        assert!(fill("<!-- table: toy -->", &results()).is_err());
    }
}
