//! The older form of streams: subscriptions with ids of their own. A call of another name may open one, and items are
//! written again under the names of this form.

use std::ops::Range;

use bytes::Bytes;
use rpc_core::codec::{ItemLoss, ItemPrefix, close_request, open_request};
use rpc_core::{IdRef, MethodKind, MethodSpec, Request, StreamSpec};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::http::Backend;

/// The method that ends any subscription.
const UNSUBSCRIBE: &str = "rpc.unsubscribe";

/// The names of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SubscriptionName {
    /// The name of its notifications.
    notification: Box<str>,
    /// The name of its method, if that is one of the server's own.
    method: Option<Box<str>>,
}

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
            return Self::Opens(SubscriptionName { notification: method.into(), method: None });
        };
        let table = &dispatcher.table;
        if let Some(row) = table.find(method, &mut None) {
            let name = |spec| SubscriptionName::of(spec, method, &row.method.name);
            return stream_of(&row.method).map_or(Self::Plain, |spec| Self::Opens(name(spec)));
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
            Some(Self::OpensAs(SubscriptionName::of(stream, &spec.name, &spec.name), message))
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
    /// Returns the names of a stream that was called by the name `called`.
    fn of(spec: StreamSpec, called: &str, method: &str) -> Self {
        let of_subscribe = spec.subscribe.and_then(|name| name.strip_suffix("subscribe"));
        let notification = of_subscribe.map_or_else(|| called.into(), |prefix| format!("{prefix}subscription").into());
        Self { notification, method: Some(method.into()) }
    }
}

/// A subscription, as its client knows it.
#[derive(Debug)]
pub(super) struct Subscription {
    name: Box<str>,
    /// The JSON text of the id.
    id: Box<str>,
    /// The beginning of its notifications with items.
    head: Box<[u8]>,
    /// The length of the [`ItemPrefix`] that the server's own streams begin their notifications with.
    own_prefix: Option<usize>,
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
    /// Makes a subscription with a random id. `call` is the JSON text of the id of the call that has opened it.
    pub(super) fn new(name: SubscriptionName, call: &str, tells_error: bool) -> Self {
        let (high, low) = Uuid::new_v4().as_u64_pair();
        // Each half has bits that are the same in all UUIDs, at different places.
        let id: Box<str> = format!("\"0x{:016x}\"", high ^ low.rotate_left(32)).into();
        let SubscriptionName { notification, method } = name;
        let head = [&*prefix(&notification, &id), RESULT].concat().into();
        let own_prefix = method.map(|method| prefix(&method, call).len());
        Self { name: notification, id, head, own_prefix, tells_error }
    }

    /// Returns the JSON text of the id.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// Writes an item in this form, in the place of its notification, which begins at `start`. `cursor` is the place of
    /// its cursor. Returns `None` if the notification has no item. The output ends at `start` then.
    pub(super) fn rewrite_item(&self, output: &mut Vec<u8>, start: usize, cursor: Option<Range<usize>>) -> Option<()> {
        // The server's own streams write the item behind the cursor, and nothing follows it.
        let before = cursor.map_or_else(|| self.own_prefix.map(|prefix| start + prefix), |cursor| Some(cursor.end));
        if let Some(before) = before
            && self.own_prefix.is_some()
            && output.get(before..).is_some_and(|rest| rest.starts_with(RESULT))
        {
            replace(output, start..before + RESULT.len(), &self.head);
            return Some(());
        }
        let message = output.split_off(start);
        let item: ItemMessage<'_> = serde_json::from_slice(&message).ok()?;
        output.extend_from_slice(&self.head);
        output.extend_from_slice(item.params.result.get().as_bytes());
        output.extend_from_slice(b"}}");
        Some(())
    }

    /// Writes the end of the stream in this form, if the client is told. `message` is its answer.
    pub(super) fn write_end(&self, message: &[u8], output: &mut Vec<u8>) -> Option<()> {
        let answer: AnswerMessage<'_> = self.tells_error.then(|| serde_json::from_slice(message).ok())??;
        let error = answer.error?;
        output.extend_from_slice(&prefix(&self.name, &self.id));
        output.extend_from_slice(br#","error":"#);
        output.extend_from_slice(error.get().as_bytes());
        output.extend_from_slice(b"}}");
        Some(())
    }
}

/// What precedes the item in a notification.
const RESULT: &[u8] = br#","result":"#;

/// Returns the part that the notifications of a stream begin with. `id` is the JSON text of its id.
fn prefix(notification: &str, id: &str) -> Vec<u8> {
    let mut text = Vec::new();
    ItemPrefix::new(notification, IdRef::from_json(id).unwrap_or(IdRef::NULL)).begin(&mut text, ItemLoss::default());
    text
}

/// Replaces a range of bytes by others.
fn replace(bytes: &mut Vec<u8>, range: Range<usize>, by: &[u8]) {
    let (len, end) = (bytes.len(), range.start + by.len());
    if end > range.end {
        bytes.resize(len + end - range.end, 0);
    }
    bytes.copy_within(range.end..len, end);
    bytes.truncate(end + len - range.end);
    bytes[range.start..end].copy_from_slice(by);
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rpc_core::{IdRef, StreamSpec};

    use super::{Subscription, SubscriptionName, params_behind, renamed, subscription_of};

    fn name(notification: &str) -> SubscriptionName {
        SubscriptionName { notification: notification.into(), method: Some("heads".into()) }
    }

    #[test]
    fn notifications_are_named_after_the_method_that_subscribes() {
        let spec = StreamSpec::new().subscribe("eth_subscribe");
        assert_eq!(SubscriptionName::of(spec, "heads", "heads"), name("eth_subscription"));
        for spec in [StreamSpec::new(), StreamSpec::new().subscribe("watch")] {
            assert_eq!(SubscriptionName::of(spec, "heads", "heads"), name("heads"));
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
        let subscription = Subscription::new(name("eth_subscription"), "7", false);
        let foreign = SubscriptionName { method: None, ..name("eth_subscription") };
        let foreign = Subscription::new(foreign, "7", false);
        for (params, cursor, subscription) in [
            (r#""subscription":7,"result":{"a" : 1.0}"#, None, &subscription),
            (r#""subscription":7,"cursor":1,"result":{"a" : 1.0}"#, Some(72..73), &subscription),
            (r#""subscription":7,"lagged":3,"result":{"a" : 1.0}"#, None, &subscription),
            (r#""result":{"a" : 1.0},"subscription":7"#, None, &foreign),
            (r#""subscription":7,"cursor":1,"result":{"a" : 1.0},"more":1"#, Some(72..73), &foreign),
        ] {
            let mut output = format!(r#"{{}}{{"jsonrpc":"2.0","method":"heads","params":{{{params}}}}}"#).into_bytes();
            assert!(cursor.as_ref().is_none_or(|cursor| output[cursor.clone()] == *b"1"));
            subscription.rewrite_item(&mut output, 2, cursor).unwrap();
            let expected = format!(
                r#"{{}}{{"jsonrpc":"2.0","method":"eth_subscription","params":{{"subscription":{},"result":{{"a" : 1.0}}}}}}"#,
                subscription.id()
            );
            assert_eq!(String::from_utf8(output).unwrap(), expected);
        }
        let mut output = b"{}{}".to_vec();
        assert_eq!(foreign.rewrite_item(&mut output, 2, None), None);
        assert_eq!(output, b"{}");

        let failed = br#"{"jsonrpc":"2.0","error":{"code":1,"message":"a"},"id":7}"#;
        let mut output = Vec::new();
        assert_eq!(subscription.write_end(failed, &mut output), None);
        let telling = Subscription::new(name("eth_subscription"), "7", true);
        assert_eq!(telling.write_end(br#"{"result":null,"id":7}"#, &mut output), None);
        assert!(output.is_empty());
        telling.write_end(failed, &mut output).unwrap();
        assert!(String::from_utf8(output).unwrap().ends_with(r#","error":{"code":1,"message":"a"}}}"#));
    }

    #[test]
    fn ids_are_random_and_of_one_length() {
        let ids: HashSet<String> = (0..100).map(|_| Subscription::new(name("a"), "7", false).id().to_owned()).collect();
        assert_eq!(ids.len(), 100);
        assert!(ids.iter().all(|id| id.len() == 20 && id.starts_with("\"0x")));
    }
}
