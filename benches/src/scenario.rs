//! The requests that subjects get, and the answers expected.

use std::fmt;
use std::str::FromStr;

use serde_json::{Value, json};

use crate::{Result, workload};

/// A request, alone or as a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scenario {
    /// `subtract` with params by position.
    One,
    /// `subtract` with params by name.
    Named,
    /// A page of ten objects.
    Page,
    /// `echo` of 10 KiB of text.
    Text,
    /// A batch of this many `subtract` calls.
    Batch(usize),
}

const ONE: &str = r#"{"jsonrpc":"2.0","method":"subtract","params":[42,23],"id":1}"#;
const NAMED: &str = r#"{"jsonrpc":"2.0","method":"subtract","params":{"a":42,"b":23},"id":1}"#;
const PAGE: &str = r#"{"jsonrpc":"2.0","method":"page","params":[20,10],"id":1}"#;

impl Scenario {
    /// Returns the body of the request. The entries of a batch have ascending ids.
    pub(crate) fn request(self) -> String {
        match self {
            Self::One => ONE.to_owned(),
            Self::Named => NAMED.to_owned(),
            Self::Page => PAGE.to_owned(),
            Self::Text => {
                json!({ "jsonrpc": "2.0", "method": "echo", "params": [workload::text()], "id": 1 }).to_string()
            }
            Self::Batch(entries) => batch(entries, "subtract", "[42,23]"),
        }
    }

    /// Returns the number of calls in one request.
    pub(crate) fn calls(self) -> usize {
        match self {
            Self::Batch(entries) => entries,
            _ => 1,
        }
    }

    /// Checks an answer. It must be the same JSON from every subject.
    pub(crate) fn check(self, answer: &[u8]) -> Result<()> {
        let answer: Value = serde_json::from_slice(answer)?;
        let expected = self.expected();
        if answer == expected {
            return Ok(());
        }
        let shown: String = answer.to_string().chars().take(300).collect();
        Err(format!("{self} was answered wrongly: {shown}").into())
    }

    fn expected(self) -> Value {
        match self {
            Self::One | Self::Named => success(&json!(19), 1),
            Self::Page => success(&json!(ready(workload::page(20, 10))), 1),
            Self::Text => success(&json!(workload::text()), 1),
            Self::Batch(entries) => (1..=entries).map(|id| success(&json!(19), id)).collect(),
        }
    }
}

/// Builds a batch of equal calls with ascending ids.
pub(crate) fn batch(entries: usize, method: &str, params: &str) -> String {
    let entry = |id| format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params},"id":{id}}}"#);
    format!("[{}]", (1..=entries).map(entry).collect::<Vec<_>>().join(","))
}

fn success(result: &Value, id: usize) -> Value {
    json!({ "jsonrpc": "2.0", "result": result, "id": id })
}

/// Returns the output of a future that never waits.
fn ready<T>(future: impl Future<Output = T>) -> T {
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    match std::pin::pin!(future).poll(&mut context) {
        std::task::Poll::Ready(value) => value,
        std::task::Poll::Pending => unreachable!("the page is computed without waiting"),
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::One => f.write_str("one"),
            Self::Named => f.write_str("named"),
            Self::Page => f.write_str("page"),
            Self::Text => f.write_str("text"),
            Self::Batch(entries) => write!(f, "batch-{entries}"),
        }
    }
}

impl FromStr for Scenario {
    type Err = Box<dyn std::error::Error + Send + Sync>;

    fn from_str(text: &str) -> Result<Self> {
        match (text, text.strip_prefix("batch-")) {
            ("one", _) => Ok(Self::One),
            ("named", _) => Ok(Self::Named),
            ("page", _) => Ok(Self::Page),
            ("text", _) => Ok(Self::Text),
            (_, Some(entries)) => Ok(Self::Batch(entries.parse()?)),
            _ => Err(format!("{text} is no scenario").into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scenario_reads_back_from_its_name() {
        for scenario in [Scenario::One, Scenario::Named, Scenario::Page, Scenario::Text, Scenario::Batch(100)] {
            assert_eq!(scenario.to_string().parse::<Scenario>().unwrap(), scenario);
        }
    }

    #[test]
    fn answer_with_another_result_is_refused() {
        assert!(Scenario::One.check(br#"{"id":1,"jsonrpc":"2.0","result":19}"#).is_ok());
        assert!(Scenario::One.check(br#"{"id":1,"jsonrpc":"2.0","result":20}"#).is_err());
        assert!(Scenario::Batch(2).check(br#"[{"id":1,"jsonrpc":"2.0","result":19}]"#).is_err());
    }
}
