use crate::Id;
use crate::plain::short_end;

/// Writes a request up to the position of its id.
///
/// A call keeps these bytes until it is sent, alone or in a batch. Only then does it get its id. `params` writes the
/// params, or nothing if there are none.
///
/// # Errors
///
/// Returns an error if the params cannot be written as JSON.
pub fn open_request(
    method: &str,
    params: impl FnOnce(&mut Vec<u8>) -> Result<(), serde_json::Error>,
) -> Result<Vec<u8>, serde_json::Error> {
    let mut out = Vec::with_capacity(96);
    out.extend_from_slice(br#"{"jsonrpc":"2.0","method":"#);
    write_string(method, &mut out);
    let before = out.len();
    out.extend_from_slice(br#","params":"#);
    let start = out.len();
    params(&mut out)?;
    if out.len() == start {
        out.truncate(before);
    }
    Ok(out)
}

/// Writes a string as JSON. It is meant for names, which rarely need an escape.
#[inline]
pub(crate) fn write_string(text: &str, out: &mut Vec<u8>) {
    if short_end(text.as_bytes(), 0) == text.len() {
        out.push(b'"');
        out.extend_from_slice(text.as_bytes());
        out.push(b'"');
    } else {
        serde_json::to_writer(out, text).expect("a string is JSON, and a vector takes any bytes");
    }
}

/// Completes a request with its id, or without an id as a notification.
pub fn close_request(out: &mut Vec<u8>, id: Option<&Id>) {
    if let Some(id) = id {
        out.extend_from_slice(br#","id":"#);
        id.write(out);
    }
    out.push(b'}');
}

#[cfg(test)]
mod tests {
    use super::{close_request, open_request};
    use crate::Id;

    #[test]
    fn calls_have_an_id_and_notifications_none() {
        let opened = open_request("a\"b", |out| {
            out.extend_from_slice(b"[1]");
            Ok(())
        });
        let mut call = opened.unwrap();
        let mut notification = call.clone();
        close_request(&mut call, Some(&Id::from(7)));
        close_request(&mut notification, None);
        assert_eq!(call, br#"{"jsonrpc":"2.0","method":"a\"b","params":[1],"id":7}"#);
        assert_eq!(notification, br#"{"jsonrpc":"2.0","method":"a\"b","params":[1]}"#);
    }

    #[test]
    fn no_params_leave_no_member() {
        let mut call = open_request("a", |_| Ok(())).unwrap();
        close_request(&mut call, Some(&Id::from("x")));
        assert_eq!(call, br#"{"jsonrpc":"2.0","method":"a","id":"x"}"#);
    }
}
