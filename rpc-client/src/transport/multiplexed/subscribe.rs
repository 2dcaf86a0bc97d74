//! Writes the call that opens a stream as a subscription of the older form.

use bytes::Bytes;
use rpc_core::codec::Envelope;
use serde_json::value::to_raw_value;

use crate::transport::subscription_names::SubscriptionNames;

/// Replaces the method of a call by the one that subscribes, and puts the topic in front of its params.
pub(super) fn subscribe_call(body: &Bytes, names: &SubscriptionNames) -> Bytes {
    let text = std::str::from_utf8(body).ok().and_then(|text| Envelope::read(text).ok());
    let (Some(Envelope { id: Some(id), params, .. }), Some(method)) = (text, &names.subscribe) else {
        return body.clone();
    };
    let params = params.filter(|params| *params != "null");
    let params = match &names.topic {
        None => params.map(str::to_owned),
        Some(topic) => Some(with_topic(&json(topic), params)),
    };
    let params = params.map(|params| format!(r#","params":{params}"#)).unwrap_or_default();
    format!(r#"{{"jsonrpc":"2.0","method":{}{params},"id":{}}}"#, json(method), id.as_json()).into()
}

/// Puts the topic in front of params by position. Params by name become the second parameter.
fn with_topic(topic: &str, params: Option<&str>) -> String {
    match params.map(|params| params.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(params)) {
        Some(rest) if !rest.trim_ascii().is_empty() => format!("[{topic},{rest}]"),
        _ => format!("[{topic}]"),
    }
}

fn json(text: &str) -> String {
    to_raw_value(text).expect("a string is JSON").get().to_owned()
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::subscribe_call;
    use crate::transport::subscription_names::SubscriptionNames;

    fn written(params: &str, topic: Option<&'static str>) -> String {
        let body = Bytes::from(format!(r#"{{"jsonrpc":"2.0","method":"chain.heads"{params},"id":7}}"#));
        let topic = topic.map(Into::into);
        let names = SubscriptionNames { subscribe: Some("eth_subscribe".into()), topic, unsubscribe: None };
        let call = subscribe_call(&body, &names);
        let call = std::str::from_utf8(&call).unwrap();
        let rest = call.strip_prefix(r#"{"jsonrpc":"2.0","method":"eth_subscribe""#).unwrap();
        rest.strip_suffix(r#","id":7}"#).unwrap().to_owned()
    }

    #[test]
    fn topic_is_the_first_parameter() {
        for (params, subscribed) in [
            ("", r#","params":["newHeads"]"#),
            (r#","params":[]"#, r#","params":["newHeads"]"#),
            (r#","params":[ ]"#, r#","params":["newHeads"]"#),
            (r#","params":null"#, r#","params":["newHeads"]"#),
            (r#","params":[1,[2]]"#, r#","params":["newHeads",1,[2]]"#),
            (r#","params":{"address":"0x1"}"#, r#","params":["newHeads",{"address":"0x1"}]"#),
        ] {
            assert_eq!(written(params, Some("newHeads")), subscribed);
        }
    }

    #[test]
    fn without_a_topic_params_stay_as_they_are() {
        assert_eq!(written(r#","params":{"a":1}"#, None), r#","params":{"a":1}"#);
        assert_eq!(written("", None), "");
    }

    #[test]
    fn call_without_another_name_is_not_touched() {
        let body = Bytes::from_static(br#"{"jsonrpc":"2.0","method":"a","id":1}"#);
        assert_eq!(subscribe_call(&body, &SubscriptionNames::default()), body);
    }
}
