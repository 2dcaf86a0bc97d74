//! [`ClientBuilder::serves`]: a client that answers calls of its server.

use std::sync::Arc;

use rpc_core::Dispatch;

use super::ClientBuilder;

impl ClientBuilder {
    /// Answers calls and notifications of the server with this, on each connection that the client opens: a `Server`,
    /// or another dispatch that [opens sessions](Dispatch::open).
    ///
    /// Without it, the client refuses each call of a server with -32601, "method not found".
    ///
    /// - The server can call as long as a connection is open. The client opens one at its first call or with
    ///   [`connect`](Self::connect), keeps it open while the client lives, and opens another one at its next call after
    ///   it has ended.
    /// - Answers reach the client's own calls first. So a handler of the client can call the server, also while all
    ///   other handlers wait: [`Context::peer`](rpc_core::Context::peer) is the server that called.
    /// - The limits are those of the `Server` that is given here, such as its calls per connection. Calls beyond them
    ///   are refused, and do not wait.
    /// - When the client is gone, handlers get up to 30 s to end. Streams end as draining, and new calls are refused.
    ///   When the connection is lost, handlers of `readonly` methods are dropped.
    ///
    /// It needs a `ws`, `wss` or `unix` address, or a [`Transport`](crate::Transport) such as `MessageTransport`. Other
    /// endpoints can stand among them. [`build`](Self::build) fails if there are only others.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Context, ErrorObject, InternalExt, Server};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder()
    ///     .try_method("greet", |cx: Context| async move {
    ///         let caller = cx.peer::<Client>().internal()?;
    ///         let name = caller.call::<String>("name", ()).await.internal()?;
    ///         Ok::<_, ErrorObject>(format!("hello {name}"))
    ///     })
    ///     .build();
    /// let server = server.bind("127.0.0.1:0").await?.spawn();
    ///
    /// let named = Server::builder().method("name", || async { "Ada" }).build();
    /// let url = format!("ws://{}", server.local_addr());
    /// let client = Client::builder().endpoint(&url).serves(named.clone()).build()?;
    /// assert_eq!(client.call::<String>("greet", ()).await?, "hello Ada");
    ///
    /// let failure = Client::builder().endpoint("http://127.0.0.1:1").serves(named).build().unwrap_err();
    /// assert!(failure.is_builder());
    /// # drop(client);
    /// # server.shutdown().await;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg_attr(docsrs, doc(cfg(any(feature = "ipc", feature = "websocket"))))]
    pub fn serves(mut self, dispatch: impl Dispatch) -> Self {
        self.serves = Some(Arc::new(dispatch));
        self
    }
}
