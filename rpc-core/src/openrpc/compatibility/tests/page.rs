//! docs/compatibility.md has the table of rules.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

use crate::openrpc::compatibility::{Level, Rule};

const LEVELS: [Level; 4] = [Level::Wire, Level::Source, Level::Behaviour, Level::Compatible];

#[test]
fn compatibility_md_has_the_table_of_rules() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/compatibility.md");
    let mut page = std::fs::read_to_string(&path).unwrap();
    for level in LEVELS {
        let mut table =
            String::from("| rule | what it means for an old client | before | after |\n|---|---|---|---|\n");
        for rule in Rule::ALL.iter().filter(|rule| rule.level() == level) {
            let (before, after) = rule.example();
            writeln!(table, "| `{rule}` | {} | {before} | {after} |", rule.meaning()).unwrap();
        }
        let (begin, end) = (format!("<!-- {level}: begin -->\n"), format!("<!-- {level}: end -->\n"));
        let (before, rest) = page.split_once(&begin).expect("the table's begin is marked");
        let (found, after) = rest.split_once(&end).expect("the table's end is marked");
        if std::env::var_os("BLESS").is_some() {
            page = format!("{before}{begin}{table}{end}{after}");
        } else {
            assert_eq!(found, table, "docs/compatibility.md says otherwise (BLESS=1 rewrites it)");
        }
    }
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path, page).unwrap();
    }
}

#[test]
fn ids_are_unique_and_in_kebab_case() {
    let ids: BTreeSet<_> = Rule::ALL.iter().map(|rule| rule.id()).collect();
    assert_eq!(ids.len(), Rule::ALL.len());
    for id in ids {
        assert!(id.chars().all(|c| c.is_ascii_lowercase() || c == '-'), "{id}");
    }
    assert!(Rule::ALL.iter().map(|rule| rule.level()).is_sorted(), "the breaking ones come first");
}

#[test]
fn meanings_are_sentences() {
    for rule in Rule::ALL {
        let meaning = rule.meaning();
        assert!(meaning.ends_with('.') && meaning.starts_with(char::is_uppercase), "{rule}: {meaning}");
    }
}
