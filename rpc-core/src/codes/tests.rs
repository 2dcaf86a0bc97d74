use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use http::StatusCode;

use super::{CodeSpec, Meaning, Proof, RetryRule, is_refusal_status};
use crate::{Denial, ErrorCode, ErrorKind, ErrorObject, KeyRefusal};

const BEGIN: &str = "<!-- table: begin -->\n";
const END: &str = "<!-- table: end -->\n";

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs").join(name)
}

fn document(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

fn wire() -> String {
    document("wire.md")
}

/// Returns the cells of each row of a table, found by the table's first line.
fn rows_below<'a>(document: &'a str, head: &str) -> Vec<Vec<&'a str>> {
    let (_, table) = document.split_once(head).unwrap_or_else(|| panic!("docs/wire.md has the table {head}"));
    let rows = table.trim_start().lines().skip(1).take_while(|line| line.starts_with('|'));
    rows.map(|row| row.trim_matches('|').split(" | ").map(str::trim).collect()).collect()
}

/// Returns all meanings of the table, each with its code.
fn meanings() -> Vec<(ErrorCode, Meaning)> {
    let of_codes = CodeSpec::ALL.iter().map(|spec| (spec.code, spec.meaning));
    let of_denials = Denial::ALL.iter().map(|denial| (ErrorCode::ACCESS_DENIED, denial.meaning()));
    let of_keys = KeyRefusal::ALL.iter().map(|refusal| (ErrorCode::KEY_REFUSED, refusal.meaning()));
    of_codes.chain(of_denials).chain(of_keys).collect()
}

#[test]
fn wire_md_has_the_table_of_codes() {
    let mut table = String::from("| code | message | data | meaning |\n|---|---|---|---|\n");
    for spec in CodeSpec::ALL {
        let message = match spec.code {
            ErrorCode::ACCESS_DENIED => Denial::ALL.iter().map(|denial| format!("`{}`", denial.message())).collect(),
            ErrorCode::INVALID_PARAMS => vec![format!("`{}: ..`", spec.message)],
            _ => vec![format!("`{}`", spec.message)],
        };
        let above = match spec.code {
            ErrorCode::KEY_REFUSED => ", see [above](#idempotency-keys)",
            ErrorCode::STREAM_ENDED => ", see [above](#streams)",
            _ => "",
        };
        let (code, data, description) = (spec.code, spec.data, spec.description);
        writeln!(table, "| {code} | {} | {data}{above} | {description} |", message.join(" or ")).unwrap();
    }
    let document = wire();
    let (before, rest) = document.split_once(BEGIN).expect("the table's begin is marked");
    let (found, after) = rest.split_once(END).expect("the table's end is marked");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(path("wire.md"), format!("{before}{BEGIN}{table}{END}{after}")).unwrap();
        return;
    }
    assert_eq!(found, table, "docs/wire.md says otherwise (BLESS=1 rewrites it)");
}

#[test]
fn wire_md_has_the_http_statuses_of_all_codes() {
    let of_table: BTreeSet<_> = meanings()
        .iter()
        .flat_map(|(code, meaning)| meaning.http.all().iter().map(|status| (status.as_u16(), code.get())))
        .collect();
    let document = wire();
    let mut of_document = BTreeSet::new();
    for row in rows_below(&document, "| status | when | body |") {
        let codes = row[2].split("error ").skip(1).map(|rest| rest.split([' ', ',']).next().unwrap());
        of_document.extend(codes.map(|code| (row[0].parse().unwrap(), code.parse().unwrap())));
    }
    assert_eq!(of_document, of_table);
}

#[test]
fn wire_md_has_the_statuses_of_refusals() {
    let statuses = (100..600).filter(|status| is_refusal_status(StatusCode::from_u16(*status).unwrap()));
    let mut statuses: Vec<_> = statuses.map(|status| status.to_string()).collect();
    let last = statuses.pop().unwrap();
    let sentence = format!("It comes with the statuses {} and {last} alone", statuses.join(", "));
    assert!(wire().contains(&sentence), "{sentence}");
}

#[test]
fn wire_md_has_the_reasons_of_refused_keys() {
    let document = wire();
    let rows = rows_below(&document, "| reason | refused unseen | a client may |");
    let found = rows.iter().map(|row| (row[0].trim_matches('`').to_owned(), row[1].starts_with("yes")));
    let is_unseen = |refusal: &KeyRefusal| refusal.meaning().proof == Proof::NotRun;
    let expected = KeyRefusal::ALL.iter().map(|refusal| (refusal.reason().to_owned(), is_unseen(refusal)));
    assert_eq!(found.collect::<Vec<_>>(), expected.collect::<Vec<_>>());
}

#[test]
fn reliability_md_says_how_each_code_is_retried() {
    let document = document("reliability.md");
    let (_, rest) = document.split_once(BEGIN).expect("the table's begin is marked");
    let (table, _) = rest.split_once(END).expect("the table's end is marked");
    let codes = CodeSpec::ALL.iter().map(|spec| (format!("| code {} ", spec.code), spec.meaning));
    let reasons = KeyRefusal::ALL.iter().map(|key| (format!("| key refused: `{}` ", key.reason()), key.meaning()));
    for (row, meaning) in codes.chain(reasons) {
        let is_special = meaning.retry != RetryRule::Never || meaning.proof == Proof::Ran;
        assert!(!is_special || table.contains(&row), "docs/reliability.md has no row that begins with {row}");
    }
}

#[test]
fn every_code_has_a_row_of_its_own() {
    let codes: BTreeSet<_> = CodeSpec::ALL.iter().map(|spec| spec.code).collect();
    assert_eq!(codes.len(), CodeSpec::ALL.len());
    for spec in CodeSpec::ALL {
        assert_eq!(spec.code.spec(), Some(spec));
        assert!(!spec.code.is_for_services());
        assert_eq!(ErrorObject::from(spec.code).message(), spec.message);
    }
    assert_eq!(ErrorCode::new(-32604).spec(), None);
    assert_eq!(ErrorObject::from(ErrorCode::new(1)).message(), "");
}

#[test]
fn a_code_and_the_status_of_its_requests_are_of_one_kind() {
    for (code, meaning) in meanings() {
        if let Some(status) = meaning.http.of_request() {
            assert_eq!(ErrorKind::of_status(status), meaning.kind, "{code} and {status}");
        }
    }
}

#[test]
fn wire_md_has_the_codes_of_services() {
    let lowest = (-32768..-32000).find(|code| ErrorCode::new(*code).is_for_services()).unwrap();
    let sentence = format!("Services may declare {lowest} to -32000 and any code outside of\n-32768 to -32000.");
    assert!(wire().contains(&sentence), "{sentence}");
}

#[test]
fn a_reason_is_more_exact_than_its_code() {
    let unknown = ErrorObject::from(ErrorCode::KEY_REFUSED).with_data(&serde_json::json!({ "reason": "other" }));
    assert_eq!(unknown.meaning(), ErrorCode::KEY_REFUSED.meaning());
    for &refusal in KeyRefusal::ALL {
        assert_eq!(refusal.to_error_object().meaning(), refusal.meaning());
    }
    for &denial in Denial::ALL {
        assert_eq!(denial.to_error_object("", &[]).meaning(), denial.meaning());
    }
}
