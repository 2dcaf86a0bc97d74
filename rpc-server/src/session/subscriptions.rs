//! The older form of streams: subscriptions with ids of their own. A call of another name may open one, and items are
//! written again under the names of this form.

use bytes::Bytes;
use rpc_core::codec::{close_request, open_request};
use rpc_core::{IdRef, MethodKind, MethodSpec, Request, StreamSpec};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::http::Backend;

/// The method that ends any subscription.
const UNSUBSCRIBE: &str = "rpc.unsubscribe";

/// The name of a subscription's notifications.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SubscriptionName(Box<str>);

/// What a call means in the older form.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum OlderCall {
    /// A call that opens no subscription.
    Plain,
    /// A call that may open a subscription.
    Opens(SubscriptionName),
    /// A call that opens a subscription under another name than its method's. The message calls the method.
    OpensAs(SubscriptionName, Bytes),
    /// A call that ends the subscription with this id, as JSON. `None`: the params name no subscription.
    Ends(Option<Box<str>>),
}

impl OlderCall {
    /// Reads what a call means.
    pub(super) fn read(backend: &Backend, id: IdRef<'_>, request: &Request<'_>) -> Self {
        let method = &*request.method;
        if method == UNSUBSCRIBE {
            return Self::Ends(subscription_of(request.params));
        }
        let Backend::Own(dispatcher) = backend else {
            // Only the answer tells whether the call has opened a stream.
            return Self::Opens(SubscriptionName(method.into()));
        };
        let table = &dispatcher.table;
        if let Some(row) = table.find(method, &mut None) {
            return stream_of(&row.method).map_or(Self::Plain, |spec| Self::Opens(SubscriptionName::of(spec, method)));
        }
        let streams = || table.methods().filter_map(|method| Some((&**method, stream_of(method)?)));
        if streams().any(|(_, spec)| spec.unsubscribe == Some(method)) {
            return Self::Ends(subscription_of(request.params));
        }
        let mut opened = streams().filter(|(_, spec)| spec.subscribe == Some(method));
        let opens_as = opened.find_map(|(spec, stream)| {
            let params = match stream.topic {
                None => request.params.map(str::to_owned),
                Some(topic) => Some(params_behind(topic, request.params?)?),
            };
            let message = renamed(&spec.name, params.as_deref(), id)?;
            Some(Self::OpensAs(SubscriptionName::of(stream, &spec.name), message))
        });
        opens_as.unwrap_or(Self::Plain)
    }
}

fn stream_of(method: &MethodSpec) -> Option<StreamSpec> {
    if let MethodKind::Stream(spec) = method.kind { Some(spec) } else { None }
}

/// Returns the id in the params of a method that ends a subscription.
fn subscription_of(params: Option<&str>) -> Option<Box<str>> {
    let [id]: [&RawValue; 1] = serde_json::from_str(params?).ok()?;
    Some(id.get().into())
}

/// Returns the params behind this topic.
fn params_behind(topic: &str, params: &str) -> Option<String> {
    let all: Vec<&RawValue> = serde_json::from_str(params).ok()?;
    let (first, rest) = all.split_first()?;
    let is_topic = serde_json::from_str::<String>(first.get()).is_ok_and(|first| first == topic);
    is_topic.then(|| format!("[{}]", rest.iter().map(|param| param.get()).collect::<Vec<_>>().join(",")))
}

/// Writes the call of a method.
fn renamed(method: &str, params: Option<&str>, id: IdRef<'_>) -> Option<Bytes> {
    let write = |out: &mut Vec<u8>| {
        out.extend_from_slice(params.unwrap_or_default().as_bytes());
        Ok(())
    };
    let mut message = open_request(method, write).ok()?;
    close_request(&mut message, Some(&id.to_id()));
    Some(message.into())
}

impl SubscriptionName {
    /// Returns the name of the notifications of a stream's method.
    fn of(spec: StreamSpec, method: &str) -> Self {
        let of_subscribe = spec.subscribe.and_then(|name| name.strip_suffix("subscribe"));
        Self(of_subscribe.map_or_else(|| method.into(), |prefix| format!("{prefix}subscription").into()))
    }
}

/// A subscription, as its client knows it.
#[derive(Debug)]
pub(super) struct Subscription {
    name: SubscriptionName,
    /// The JSON text of the id.
    id: Box<str>,
    /// Whether the client is told the error with which the stream ends.
    tells_error: bool,
}

#[derive(Deserialize)]
struct ItemMessage<'a> {
    #[serde(borrow)]
    params: ItemParams<'a>,
}

#[derive(Deserialize)]
struct ItemParams<'a> {
    #[serde(borrow)]
    result: &'a RawValue,
}

#[derive(Deserialize)]
struct AnswerMessage<'a> {
    #[serde(borrow)]
    error: Option<&'a RawValue>,
}

impl Subscription {
    /// Makes a subscription with a random id.
    pub(super) fn new(name: SubscriptionName, tells_error: bool) -> Self {
        let (high, low) = Uuid::new_v4().as_u64_pair();
        // Each half has bits that are the same in all UUIDs, at different places.
        let id = format!("\"0x{:016x}\"", high ^ low.rotate_left(32)).into();
        Self { name, id, tells_error }
    }

    /// Returns the JSON text of the id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Writes an item in this form, from its notification.
    pub(super) fn write_item(&self, message: &[u8], output: &mut Vec<u8>) -> Option<()> {
        let item: ItemMessage<'_> = serde_json::from_slice(message).ok()?;
        self.write("result", item.params.result, output)
    }

    /// Writes the end of the stream in this form, if the client is told. `message` is its answer.
    pub(super) fn write_end(&self, message: &[u8], output: &mut Vec<u8>) -> Option<()> {
        let answer: AnswerMessage<'_> = self.tells_error.then(|| serde_json::from_slice(message).ok())??;
        self.write("error", answer.error?, output)
    }

    fn write(&self, member: &str, value: &RawValue, output: &mut Vec<u8>) -> Option<()> {
        let params = |out: &mut Vec<u8>| {
            out.extend_from_slice(br#"{"subscription":"#);
            out.extend_from_slice(self.id.as_bytes());
            out.extend_from_slice(format!(",\"{member}\":").as_bytes());
            out.extend_from_slice(value.get().as_bytes());
            out.push(b'}');
            Ok(())
        };
        let mut message = open_request(&self.name.0, params).ok()?;
        close_request(&mut message, None);
        output.extend_from_slice(&message);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rpc_core::{IdRef, StreamSpec};

    use super::{Subscription, SubscriptionName, params_behind, renamed, subscription_of};

    #[test]
    fn notifications_are_named_after_the_method_that_subscribes() {
        let spec = StreamSpec::new().subscribe("eth_subscribe");
        assert_eq!(SubscriptionName::of(spec, "heads"), SubscriptionName("eth_subscription".into()));
        for spec in [StreamSpec::new(), StreamSpec::new().subscribe("watch")] {
            assert_eq!(SubscriptionName::of(spec, "heads"), SubscriptionName("heads".into()));
        }
    }

    #[test]
    fn topic_is_the_first_of_the_params() {
        assert_eq!(params_behind("logs", r#"["logs", {"a": 1}, 2]"#).as_deref(), Some(r#"[{"a": 1},2]"#));
        assert_eq!(params_behind("logs", r#"["logs"]"#).as_deref(), Some("[]"));
        for other in [r#"["heads"]"#, "[]", "{}", "[1]"] {
            assert_eq!(params_behind("logs", other), None);
        }
        let message = renamed("eth.logs", Some("[2]"), IdRef::from_json("\"a\"").unwrap()).unwrap();
        assert_eq!(message, r#"{"jsonrpc":"2.0","method":"eth.logs","params":[2],"id":"a"}"#);
        let message = renamed("eth.logs", None, IdRef::from_json("7").unwrap()).unwrap();
        assert_eq!(message, r#"{"jsonrpc":"2.0","method":"eth.logs","id":7}"#);
    }

    #[test]
    fn params_to_unsubscribe_are_one_id() {
        assert_eq!(subscription_of(Some(r#"[ "0x1" ]"#)).as_deref(), Some(r#""0x1""#));
        for other in [None, Some("[]"), Some("[1,2]"), Some("{}")] {
            assert_eq!(subscription_of(other), None);
        }
    }

    #[test]
    fn items_keep_their_text_and_ends_are_told_only_if_asked() {
        let named = || SubscriptionName("eth_subscription".into());
        let subscription = Subscription::new(named(), false);
        let id = subscription.id();
        let mut output = Vec::new();
        let item = br#"{"method":"heads","params":{"subscription":7,"cursor":1,"result":{"a" : 1.0}}}"#;
        subscription.write_item(item, &mut output).unwrap();
        let expected = format!(
            r#"{{"jsonrpc":"2.0","method":"eth_subscription","params":{{"subscription":{id},"result":{{"a" : 1.0}}}}}}"#
        );
        assert_eq!(String::from_utf8(output).unwrap(), expected);

        let failed = br#"{"jsonrpc":"2.0","error":{"code":1,"message":"a"},"id":7}"#;
        let mut output = Vec::new();
        assert_eq!(subscription.write_end(failed, &mut output), None);
        let telling = Subscription::new(named(), true);
        assert_eq!(telling.write_end(br#"{"result":null,"id":7}"#, &mut output), None);
        assert!(output.is_empty());
        telling.write_end(failed, &mut output).unwrap();
        assert!(String::from_utf8(output).unwrap().ends_with(r#","error":{"code":1,"message":"a"}}}"#));
    }

    #[test]
    fn ids_are_random_and_of_one_length() {
        let ids: HashSet<String> =
            (0..100).map(|_| Subscription::new(SubscriptionName("a".into()), false).id().to_owned()).collect();
        assert_eq!(ids.len(), 100);
        assert!(ids.iter().all(|id| id.len() == 20 && id.starts_with("\"0x")));
    }
}
