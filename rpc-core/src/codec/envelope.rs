//! [`Envelope`]: the members of a message that tell where it belongs. Sessions pass messages on by them, and leave the
//! contents to others.

use super::parse::explain;
use super::scan::{NotJson, Scanner};
use crate::IdRef;

/// The members of a message by which a session passes it on, as JSON text. Of a member that stands there twice, it has
/// the last one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Envelope<'a> {
    /// The id, if it is a string, a number or null.
    pub id: Option<IdRef<'a>>,
    /// The name of the method: a call or a notification.
    pub method: Option<&'a str>,
    /// The params of the call or notification.
    pub params: Option<&'a str>,
    /// The result of a response.
    pub result: Option<&'a str>,
    /// The error of a response.
    pub error: Option<&'a str>,
    /// The headers that travel with the message.
    pub rpc: Option<&'a str>,
}

impl<'a> Envelope<'a> {
    /// Reads a message that is no batch. Members that it does not know are skipped, and so are values of other types.
    ///
    /// # Errors
    ///
    /// Returns an error with the reason if the text is not JSON.
    pub fn read(text: &'a str) -> Result<Self, String> {
        let mut scanner = Scanner::new(text);
        let envelope = envelope(&mut scanner).and_then(|envelope| scanner.end().map(|()| envelope));
        envelope.map_err(|NotJson| explain(text))
    }

    /// Reads a message, or each message of a batch. Returns whether it is a batch. If it fails, use none of them.
    ///
    /// # Errors
    ///
    /// Returns an error with the reason if the text is not JSON.
    pub fn each(text: &'a str, mut take: impl FnMut(Self)) -> Result<bool, String> {
        let mut scanner = Scanner::new(text);
        if scanner.peek() != Some(b'[') {
            take(Self::read(text)?);
            return Ok(false);
        }
        let read = scanner.members(b'[', b']', |scanner| -> Result<(), NotJson> {
            take(envelope(scanner)?);
            Ok(())
        });
        read.and_then(|()| scanner.end()).map(|()| true).map_err(|NotJson| explain(text))
    }

    /// Returns whether it is a response.
    pub fn is_response(&self) -> bool {
        self.method.is_none() && (self.result.is_some() || self.error.is_some())
    }
}

fn envelope<'a>(scanner: &mut Scanner<'a>) -> Result<Envelope<'a>, NotJson> {
    let mut read = Envelope::default();
    if scanner.peek() != Some(b'{') {
        scanner.value()?;
        return Ok(read);
    }
    scanner.members(b'{', b'}', |scanner| -> Result<(), NotJson> {
        let member = scanner.name(EnvelopeMember::of_name)?;
        let value = scanner.long_value()?;
        match member {
            EnvelopeMember::Id => read.id = IdRef::from_json(value),
            EnvelopeMember::Method => read.method = Some(value),
            EnvelopeMember::Params => read.params = Some(value),
            EnvelopeMember::Result => read.result = Some(value),
            EnvelopeMember::Error => read.error = Some(value),
            EnvelopeMember::Rpc => read.rpc = Some(value),
            EnvelopeMember::Other => {}
        }
        Ok(())
    })?;
    Ok(read)
}

#[derive(Clone, Copy)]
enum EnvelopeMember {
    Id,
    Method,
    Params,
    Result,
    Error,
    Rpc,
    Other,
}

impl EnvelopeMember {
    fn of_name(name: &str) -> Self {
        match name {
            "id" => Self::Id,
            "method" => Self::Method,
            "params" => Self::Params,
            "result" => Self::Result,
            "error" => Self::Error,
            "rpc" => Self::Rpc,
            _ => Self::Other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Envelope;

    #[test]
    fn members_are_found_in_any_order_and_in_escapes() {
        let text = r#" {"rpc":{"retry-after":"1"},"x":[{"id":9}],"res\u0075lt":"a, b","id":7} "#;
        let read = Envelope::read(text).unwrap();
        assert_eq!((read.result, read.rpc), (Some(r#""a, b""#), Some(r#"{"retry-after":"1"}"#)));
        assert_eq!(read.id.unwrap().as_json(), "7");
        assert!(read.is_response() && read.method.is_none() && read.params.is_none() && read.error.is_none());
    }

    #[test]
    fn batch_is_read_message_by_message() {
        let mut ids = Vec::new();
        let take = |read: Envelope<'_>| ids.push(read.id.map(|id| id.as_json().to_owned()));
        let text = r#"[{"method":"a","id":1},{"method":"b"},7,{"method":"c","id":"x"}]"#;
        assert!(Envelope::each(text, take).unwrap());
        assert_eq!(ids, [Some("1".to_owned()), None, None, Some("\"x\"".to_owned())]);
        assert!(!Envelope::each(r#"{"method":"a","id":1}"#, |read| assert!(!read.is_response())).unwrap());
    }

    #[test]
    fn text_that_is_no_message_has_no_members() {
        for text in ["7", "[]", "\"id\"", "{}"] {
            Envelope::each(text, |read| assert!(read.id.is_none() && !read.is_response(), "{text}")).unwrap();
        }
        for text in ["", "{", r#"{"id":1}{"id":2}"#, "[{}", "nonsense", r#"{"id"}"#] {
            assert!(Envelope::each(text, |_| ()).is_err(), "{text}");
        }
    }
}
