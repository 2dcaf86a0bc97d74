//! [`assert_contract`]: compares a description with a file under version control, for users' tests, and names the
//! changes by the rules of `compatibility`.

use std::path::Path;
use std::{env, fs, io};

use super::compatibility::{Change, Rule, compare};
use super::model::Description;
use super::{Document, diff};

/// Asserts that a description equals the one in a file, which is kept under version control. So no change of a service
/// goes unnoticed, and a review shows which changes break clients.
///
/// It is meant for tests. If the environment variable `BLESS` is `1`, it writes the file instead. A relative path
/// starts at the directory in which the test runs. Cargo runs tests in the directory of the package.
///
/// # Panics
///
/// Panics if the file is missing, cannot be read or written, or contains another description. In the last case, the
/// message lists the changes by [`Rule`](crate::openrpc::Rule), the breaking ones first. If none but texts changed, or
/// if the file is no valid description, the message shows the lines that differ.
///
/// # Example
///
/// ```
/// use rpc::Describe;
/// use rpc::openrpc::{Info, assert_contract, document};
///
/// #[rpc::service(namespace = "math", openrpc)]
/// trait Math {
///     async fn square(&self, number: i32) -> i64;
/// }
///
/// # let directory = std::env::temp_dir().join(format!("rpc-contract-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// # std::env::set_current_dir(&directory)?;
/// let document = document(&Info::new("Mathematics", "1.0.0"), &[MathClient::SPEC]);
/// # std::fs::write("openrpc.json", document.to_string())?;
/// assert_contract("openrpc.json", &document);
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok::<(), std::io::Error>(())
/// ```
#[track_caller]
pub fn assert_contract(path: impl AsRef<Path>, document: &Document) {
    let bless = env::var_os("BLESS").is_some_and(|bless| bless == "1");
    if let Err(problem) = check(path.as_ref(), &document.to_string(), bless) {
        panic!("{problem}");
    }
}

/// Compares the file with the expected text, or writes it.
fn check(path: &Path, expected: &str, bless: bool) -> Result<(), String> {
    let shown = path.display();
    if bless {
        return fs::write(path, expected).map_err(|error| format!("{shown} cannot be written: {error}"));
    }
    // git may be configured for the line ends of Windows.
    let kept = match fs::read_to_string(path) {
        Ok(kept) => kept.replace("\r\n", "\n"),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(format!("{shown} is missing; to write it, run the test again with BLESS=1"));
        }
        Err(error) => return Err(format!("{shown} cannot be read: {error}")),
    };
    if kept == expected {
        return Ok(());
    }
    let difference = explain(&kept, expected)
        .unwrap_or_else(|problem| format!("{problem}\n\n{}", diff::lines(&kept, expected)).trim_start().to_owned());
    Err(format!(
        "the service is not what {shown} says; if it should change, run the test again with BLESS=1\n\n{difference}"
    ))
}

/// Lists the changes, or returns why they do not explain the difference.
fn explain(kept: &str, expected: &str) -> Result<String, String> {
    let old = Description::parse(kept).map_err(|error| format!("the file is no valid description: {error}"))?;
    // A document that the framework wrote is valid, unless a type has an invalid schema.
    let new = Description::parse(expected).map_err(|error| format!("the new description is invalid: {error}"))?;
    let changes = compare(&old, &new);
    let lines = changes.iter().map(|change| format!("{change}\n")).collect::<String>();
    let is_explained = |change: &Change| change.rule != Rule::DocsChanged;
    if changes.iter().any(is_explained) { Ok(lines) } else { Err(lines) }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use super::check;

    /// A directory for one test, deleted at its end.
    struct Directory(PathBuf);

    impl Directory {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("rpc-core-{name}-{}", std::process::id()));
            fs::create_dir_all(&path).unwrap();
            Self(path)
        }
    }

    impl Drop for Directory {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn what_changes_is_told_until_it_is_blessed() {
        let directory = Directory::new("contract");
        let path = directory.0.join("openrpc.json");
        let missing = check(&path, "{\n}\n", false).unwrap_err();
        assert!(missing.ends_with("is missing; to write it, run the test again with BLESS=1"), "{missing}");
        check(&path, "{\n}\n", true).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "{\n}\n");
        check(&path, "{\n}\n", false).unwrap();
        let changed = check(&path, "{\n  \"x\": 1\n}\n", false).unwrap_err();
        assert!(changed.contains("BLESS=1\n\n"), "{changed}");
        assert!(changed.contains("the file is no valid description: "), "{changed}");
        assert!(changed.ends_with("\n\n  {\n+   \"x\": 1\n  }\n"), "{changed}");
        check(&path, "{\n  \"x\": 1\n}\n", true).unwrap();
        check(&path, "{\n  \"x\": 1\n}\n", false).unwrap();
    }

    /// Returns a description whose only method has some members.
    fn description(members: &str) -> String {
        let info = r#""info": { "title": "Users", "version": "1" }"#;
        format!(r#"{{ "openrpc": "1.3.2", {info}, "methods": [{{ "name": "get", "params": [], {members} }}] }}"#)
    }

    #[test]
    fn changes_are_listed_by_rule_and_the_breaking_ones_come_first() {
        let directory = Directory::new("rules");
        let path = directory.0.join("openrpc.json");
        let result = |ty: &str| format!(r#""result": {{ "name": "it", "schema": {{ "type": "{ty}" }} }}"#);
        fs::write(&path, description(&result("integer"))).unwrap();
        let changed = description(&format!(r#"{}, "deprecated": true"#, result("string")));
        let problem = check(&path, &changed, false).unwrap_err();
        let lines = "wire  result-type-changed  get, result: may be `string` now\n\
                     compatible  deprecated-added  get: the method is deprecated\n";
        assert!(problem.ends_with(&format!("BLESS=1\n\n{lines}")), "{problem}");
    }

    #[test]
    fn lines_are_shown_if_only_texts_or_the_format_changed() {
        let directory = Directory::new("texts");
        let path = directory.0.join("openrpc.json");
        fs::write(&path, description(r#""summary": "Gets.""#)).unwrap();
        let changed = description(r#""summary": "Looks up.""#);
        let problem = check(&path, &changed, false).unwrap_err();
        assert!(problem.contains("\n\ncompatible  docs-changed  get: the description differs\n\n"), "{problem}");
        assert!(problem.ends_with(&format!("\n+ {changed}\n")), "{problem}");
        let indented = description(r#"  "summary": "Gets.""#);
        let problem = check(&path, &indented, false).unwrap_err();
        assert!(problem.ends_with(&format!("BLESS=1\n\n- {}\n+ {indented}\n", description(r#""summary": "Gets.""#))));
    }

    #[test]
    fn line_ends_do_not_matter_and_what_cannot_be_read_does() {
        let directory = Directory::new("lines");
        let path = directory.0.join("openrpc.json");
        fs::write(&path, "{\r\n}\r\n").unwrap();
        check(&path, "{\n}\n", false).unwrap();
        assert!(check(&directory.0, "", false).unwrap_err().contains("cannot be read"));
        assert!(check(&directory.0, "", true).unwrap_err().contains("cannot be written"));
    }
}
