//! [`Client::subscribe`]: streams of servers that know them as subscriptions.

use std::borrow::Cow;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::client::Client;
use crate::stream_call::StreamCall;
use crate::transport::SubscriptionNames;

impl Client {
    /// Subscribes at a server that knows streams as subscriptions, such as those of jsonrpsee and the nodes of
    /// Ethereum. `T` is the type of the items.
    ///
    /// The server answers the method `subscribe` with the id of the subscription. The notifications with this id are
    /// the items, whatever their method. Items that arrive before the answer are not lost. Dropping the stream calls
    /// `unsubscribe`. A notification with an `error` instead of a result ends the stream:
    /// [`StreamError::is_end`](crate::StreamError::is_end).
    ///
    /// Up to 1 MiB of items waits for the reader. A stream that is not read ends when there is no room for its next
    /// item, as [lagged](rpc_core::StreamEnd::Lagged).
    ///
    /// It needs a `ws` or `wss` address, or a transport with messages of the older form. Servers of this framework get
    /// the method as the call of a stream: use [`stream`](Self::stream) for their methods. Params are as for
    /// [`call`](Self::call).
    ///
    /// # Example
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
    /// let client = rpc::Client::connect("wss://node.example").await?;
    /// let heads = client.subscribe::<serde_json::Value>("eth_subscribe", ["newHeads"], "eth_unsubscribe");
    /// // After a cut, the client subscribes again.
    /// let mut heads = heads.resubscribe().await?;
    /// while let Some(head) = heads.next().await {
    ///     match head {
    ///         Ok(head) => println!("{}", head["number"]),
    ///         Err(error) if error.is_gap() => println!("heads are missing here"),
    ///         Err(error) => return Err(error.into()),
    ///     }
    /// }
    /// # Ok(())
    /// # }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(any(feature = "ipc", feature = "websocket"))))]
    pub fn subscribe<T: DeserializeOwned>(
        &self,
        subscribe: impl Into<Cow<'static, str>>,
        params: impl Serialize,
        unsubscribe: impl Into<Cow<'static, str>>,
    ) -> StreamCall<T> {
        let unsubscribe = Some(unsubscribe.into());
        let names = SubscriptionNames { subscribe: None, topic: None, unsubscribe };
        self.stream(subscribe, params).with_names(names)
    }
}
