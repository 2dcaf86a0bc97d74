//! [`WebSocketSettings`]: what users set about WebSockets.

use std::time::Duration;

use rpc_core::__private::settings;

settings! {
    /// The settings of a server's WebSockets, for [`ServerBuilder::websocket`](crate::ServerBuilder::websocket).
    ///
    /// `WebSocketSettings::default()` returns the defaults, and each setting has a setter of its name. The size of
    /// messages has the limit of requests, [`Limits::max_request_bytes`](crate::Limits::max_request_bytes). A client
    /// that does not read has the limits of slow readers.
    ///
    /// # Example
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use rpc::{Server, WebSocketSettings};
    ///
    /// let settings = WebSocketSettings::default().ping_interval(Duration::from_secs(5));
    /// let server = Server::builder().websocket(settings).build();
    /// ```
    #[derive(Clone, Debug)]
    pub struct WebSocketSettings {
        /// How often the server sends a ping. Default: 20 s. A client from which nothing came after two pings is cut.
        /// [`Duration::MAX`] sends none.
        pub ping_interval: Duration = Duration::from_secs(20),
        /// Whether clients without the subprotocol `rpc.v1` are told the error with which a subscription ends, as a
        /// notification with `error`. Default: false, since some clients close their connection then.
        pub subscription_errors: bool = false,
    }
}
