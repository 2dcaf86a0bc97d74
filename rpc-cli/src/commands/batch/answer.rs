//! [`LineAnswer`]: how the call of a line ended, as a line of the output.

use rpc::{Effect, Error, Failure, Outcome};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::error::CliError;
use crate::exit::{Exit, outcome_name};

/// How the call of a line ended.
#[derive(Debug)]
pub(super) struct LineAnswer {
    pub(super) number: u64,
    pub(super) id: Option<Box<RawValue>>,
    pub(super) key: Option<Uuid>,
    pub(super) effect: Effect,
    /// `None`: a signal came before the answer.
    pub(super) ended: Option<Result<Box<RawValue>, Error>>,
}

impl LineAnswer {
    /// Returns the exit code that the call alone would have.
    pub(super) fn exit(&self) -> Exit {
        match &self.ended {
            Some(Ok(_)) => Exit::Success,
            Some(Err(error)) => Exit::of_error(error, self.effect),
            None => Exit::Unknown,
        }
    }

    /// Writes the answer as JSON. Ids and results stay as they came.
    pub(super) fn to_json(&self) -> String {
        let mut text = format!("{{\"line\":{}", self.number);
        if let Some(id) = &self.id {
            text.push_str(&format!(",\"id\":{id}"));
        }
        match &self.ended {
            Some(Ok(result)) => text.push_str(&format!(",\"result\":{result}")),
            Some(Err(Error::Failure(failure))) => text.push_str(&self.failure(failure)),
            None => text.push_str(&self.without_answer(&json!({ "message": "interrupted" }), Outcome::Unknown)),
            Some(Err(error)) => {
                let object = error.error_object().map(|object| json!(object)).unwrap_or_default();
                text.push_str(&format!(",\"error\":{object},\"exit\":{}", self.exit() as u8));
            }
        }
        text.push('}');
        text
    }

    fn failure(&self, failure: &Failure) -> String {
        let message = CliError::of_failure(failure, self.effect);
        // The error of the server, if it sent one with its failure, and the client's account of it.
        let mut object = failure.error_object().map_or_else(|| json!({}), |object| json!(object));
        object["message"] = Value::from(message.message());
        self.without_answer(&object, failure.outcome())
    }

    fn without_answer(&self, error: &Value, outcome: Outcome) -> String {
        let outcome = outcome_name(outcome);
        let key = self.key.map(|key| format!(",\"key\":\"{key}\"")).unwrap_or_default();
        format!(",\"error\":{error},\"outcome\":\"{outcome}\",\"exit\":{}{key}", self.exit() as u8)
    }
}

#[cfg(test)]
mod tests {
    use rpc::{Effect, Error, ErrorObject, Failure};
    use serde_json::value::RawValue;

    use super::LineAnswer;

    fn answer(ended: Result<&str, Error>) -> String {
        let raw = |text: &str| RawValue::from_string(text.to_owned()).unwrap();
        let (id, ended) = (Some(raw("1.50")), Some(ended.map(raw)));
        LineAnswer { number: 7, id, key: None, effect: Effect::Once, ended }.to_json()
    }

    #[test]
    fn an_answer_is_one_object() {
        assert_eq!(answer(Ok("[1.50]")), r#"{"line":7,"id":1.50,"result":[1.50]}"#);
        let error = Error::Rpc(ErrorObject::new(7, "sold out"));
        assert_eq!(answer(Err(error)), r#"{"line":7,"id":1.50,"error":{"code":7,"message":"sold out"},"exit":1}"#);
        let failure = answer(Err(Failure::timed_out().into()));
        assert!(failure.contains(r#""outcome":"unknown","exit":6}"#), "{failure}");
    }
}
