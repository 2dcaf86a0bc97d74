use std::fmt;

use serde_json::value::RawValue;

use super::scan::{NotJson, Scanner};
use crate::{ErrorObject, Excerpt};

/// The member `error` of an answer that is not an error object, because it has no readable code.
///
/// `Display` shows the JSON, cut at 1 KiB and with control characters escaped.
#[derive(Clone)]
pub struct ForeignError(Box<RawValue>);

impl ForeignError {
    fn new(json: &str) -> Self {
        Self(RawValue::from_string(json.to_owned()).expect("the answer around it was read as JSON"))
    }

    /// Returns the JSON as received.
    pub fn json(&self) -> &RawValue {
        &self.0
    }

    /// Returns the error's text: the content of a string, or the JSON of anything else.
    pub fn text(&self) -> String {
        said(self.0.get())
    }
}

impl From<Box<RawValue>> for ForeignError {
    fn from(json: Box<RawValue>) -> Self {
        Self(json)
    }
}

impl fmt::Display for ForeignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Excerpt(self.0.get()).fmt(f)
    }
}

impl fmt::Debug for ForeignError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ForeignError").field(&Excerpt(self.0.get())).finish()
    }
}

impl std::error::Error for ForeignError {}

/// Reads the member `error` of an answer. Also accepts what is almost an error object: a code that is a string or a
/// float with an integer value, or a message that is missing or is not a string.
///
/// If the message is missing, this text becomes the message: the only other member that is a string, else the whole
/// object as JSON, else the data. If there is no data, the whole object becomes the data.
pub(super) fn read_error(json: &str) -> Result<ErrorObject, ForeignError> {
    let object = json.starts_with('{').then(|| serde_json::from_str::<ErrorObject>(json).ok()).flatten();
    match object {
        Some(error) if !error.message().is_empty() => Ok(error),
        object => ForeignErrorMembers::read(json)
            .and_then(ForeignErrorMembers::error)
            .or(object)
            .ok_or_else(|| ForeignError::new(json)),
    }
}

/// The members of what is almost an error object, as JSON text.
struct ForeignErrorMembers<'a> {
    whole: &'a str,
    code: Option<&'a str>,
    message: Option<&'a str>,
    data: Option<&'a str>,
    others: Vec<&'a str>,
}

impl<'a> ForeignErrorMembers<'a> {
    /// Reads an object. Returns `None` if it has one of the known members twice.
    fn read(whole: &'a str) -> Option<Self> {
        let mut members = Self { whole, code: None, message: None, data: None, others: Vec::new() };
        let mut doubled = false;
        let read = Scanner::new(whole).members(b'{', b'}', |scanner| -> Result<(), NotJson> {
            let name = scanner.name(str::to_owned)?;
            let value = scanner.value()?;
            let slot = match &*name {
                "code" => &mut members.code,
                "message" => &mut members.message,
                "data" => &mut members.data,
                _ => {
                    members.others.push(value);
                    return Ok(());
                }
            };
            doubled |= slot.replace(value).is_some();
            Ok(())
        });
        (read.is_ok() && !doubled).then_some(members)
    }

    fn error(self) -> Option<ErrorObject> {
        let code = code(self.code?)?;
        let (message, says_all) = self.message();
        let raw = |json: &str| RawValue::from_string(json.to_owned()).ok();
        let data = self.data.or(says_all.then_some(self.whole)).and_then(raw);
        let error = ErrorObject::new(code, message);
        Some(match data {
            Some(data) => error.with_raw_data(data),
            None => error,
        })
    }

    /// Returns the message, and whether it was made from more than the member `message`.
    fn message(&self) -> (String, bool) {
        let own = self.message.filter(|json| *json != "null");
        let text = own.and_then(string);
        match (text, own, &self.others[..]) {
            (Some(text), _, others) if !text.is_empty() || others.is_empty() => (text, false),
            (None, Some(json), _) => (json.to_owned(), true),
            (_, _, []) => (self.data.map(said).unwrap_or_default(), false),
            (_, _, [other]) if other.starts_with('"') => (said(other), true),
            _ => (self.whole.to_owned(), true),
        }
    }
}

/// The magnitude from which floats skip integers.
const EXACT: f64 = 9_007_199_254_740_992.0;

/// Reads a code with an integer value: an integer, a float, or either of them in a string.
fn code(json: &str) -> Option<i64> {
    let text = said(json);
    let text = text.trim();
    let float = || serde_json::from_str::<f64>(text).ok().filter(|float| float.fract() == 0.0 && float.abs() < EXACT);
    text.parse().ok().or_else(|| float().map(|float| float as i64))
}

/// Returns the text of a string, and the JSON of anything else.
fn said(json: &str) -> String {
    string(json).unwrap_or_else(|| json.to_owned())
}

fn string(json: &str) -> Option<String> {
    serde_json::from_str(json).ok()
}

#[cfg(test)]
mod tests {
    use super::read_error;

    #[track_caller]
    fn assert_reads(json: &str, code: i64, message: &str, data: Option<&str>) {
        let error = read_error(json).expect(json);
        let read = (error.code().get(), error.message(), error.data().map(|data| data.get()));
        assert_eq!(read, (code, message, data), "{json}");
    }

    #[test]
    fn an_error_object_is_read_as_it_is() {
        assert_reads(r#"{"code":1,"message":"m","data":[2],"name":"JSONRPCError"}"#, 1, "m", Some("[2]"));
        assert_reads(r#"{"code":1,"message":""}"#, 1, "", None);
        assert_reads(r#"{"code":1,"message":"","data":{"a":1}}"#, 1, "", Some(r#"{"a":1}"#));
        assert_reads(r#"{"code":1}"#, 1, "", None);
    }

    #[test]
    fn a_code_is_read_from_whatever_is_exactly_an_integer() {
        for (code, read) in [
            ("\"-32000\"", -32000),
            ("-32000.0", -32000),
            ("\"-32000.0\"", -32000),
            ("1e3", 1000),
            ("9007199254740991.0", (1 << 53) - 1),
            ("\" 7 \"", 7),
            ("\"9223372036854775807\"", i64::MAX),
        ] {
            assert_reads(&format!(r#"{{"code":{code},"message":"m"}}"#), read, "m", None);
        }
    }

    #[test]
    fn what_stands_in_place_of_a_message_becomes_the_message() {
        let details = r#"{"code":1,"details":"no funds"}"#;
        assert_reads(details, 1, "no funds", Some(details));
        let empty = r#"{"code":1,"message":"","details":"no funds"}"#;
        assert_reads(empty, 1, "no funds", Some(empty));
        let object = r#"{"code":1,"message":{"en":"no"}}"#;
        assert_reads(object, 1, r#"{"en":"no"}"#, Some(object));
        let two = r#"{"code":1,"message":null,"a":"b","c":"d"}"#;
        assert_reads(two, 1, two, Some(two));
        assert_reads(r#"{"code":1,"message":7,"data":2}"#, 1, "7", Some("2"));
        assert_reads(r#"{"code":1,"message":null}"#, 1, "", None);
        assert_reads(r#"{"code":1,"message":null,"data":"out of gas"}"#, 1, "out of gas", Some("\"out of gas\""));
        let surrogate = r#"{"code":1,"message":"\ud800"}"#;
        assert_reads(surrogate, 1, r#""\ud800""#, Some(surrogate));
    }

    #[test]
    fn without_a_code_that_can_be_read_exactly_it_is_kept_as_it_came() {
        for (json, text) in [
            ("\"bo\\u006fm\"", "boom"),
            ("7", "7"),
            ("true", "true"),
            (r#"[1,"m"]"#, r#"[1,"m"]"#),
            ("{}", "{}"),
            (r#"{"message":"m"}"#, r#"{"message":"m"}"#),
            (r#"{"code":null,"message":"m"}"#, r#"{"code":null,"message":"m"}"#),
            (r#"{"code":1.5,"message":"m"}"#, r#"{"code":1.5,"message":"m"}"#),
            (r#"{"code":9007199254740993.0}"#, r#"{"code":9007199254740993.0}"#),
            (r#"{"code":9223372036854775808,"message":"m"}"#, r#"{"code":9223372036854775808,"message":"m"}"#),
            (r#"{"code":"E_FUNDS","message":"m"}"#, r#"{"code":"E_FUNDS","message":"m"}"#),
            (r#"{"code":1,"code":2,"message":"m"}"#, r#"{"code":1,"code":2,"message":"m"}"#),
            ("\"\\ud800\"", "\"\\ud800\""),
        ] {
            let error = read_error(json).expect_err(json);
            assert_eq!((error.json().get(), error.text()), (json, text.to_owned()));
        }
    }

    #[test]
    fn it_is_shown_as_one_line_of_a_kibibyte() {
        let error = read_error(&format!("[\"{}\"\n]", "x".repeat(5000))).unwrap_err();
        assert_eq!(error.to_string().len(), 1024 + "…".len());
        assert_eq!(read_error("[\n]").unwrap_err().to_string(), "[\\n]");
    }
}
