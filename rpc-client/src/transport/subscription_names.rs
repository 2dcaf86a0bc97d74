//! [`SubscriptionNames`]: the methods by which servers of the older form open and end a stream.

use std::borrow::Cow;

use rpc_core::StreamSpec;

/// The names under which a stream is a subscription, on connections without `rpc.v1`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SubscriptionNames {
    /// The method that subscribes, if it is not the stream's own.
    pub(crate) subscribe: Option<Cow<'static, str>>,
    /// The first parameter of that method, which names the stream.
    pub(crate) topic: Option<Cow<'static, str>>,
    /// The method that unsubscribes, if it is not `rpc.unsubscribe`.
    pub(crate) unsubscribe: Option<Cow<'static, str>>,
}

impl SubscriptionNames {
    /// Returns the names that a description of a stream has, if it has any.
    pub(crate) fn of(stream: &StreamSpec) -> Option<Self> {
        let StreamSpec { subscribe, topic, unsubscribe, .. } = *stream;
        let names = Self {
            subscribe: subscribe.map(Into::into),
            topic: topic.map(Into::into),
            unsubscribe: unsubscribe.map(Into::into),
        };
        Some(names).filter(|names| *names != Self::default())
    }

    /// Returns the method that unsubscribes.
    #[cfg(any(feature = "ipc", feature = "websocket"))]
    pub(crate) fn unsubscribe(&self) -> &str {
        self.unsubscribe.as_deref().unwrap_or("rpc.unsubscribe")
    }
}
