//! [`MessageSettings`]: what users set about messages on streams of bytes.

use rpc_core::__private::settings;
use rpc_core::{Framing, SessionProtocol};

settings! {
    /// How a server and its peers tell messages apart on a stream of bytes, and what the messages mean, for
    /// [`Server::messages_on`](crate::Server::messages_on).
    ///
    /// Both sides must use the same settings, since nothing is negotiated. `MessageSettings::default()` returns the
    /// defaults, and each setting has a setter of its name. The size of messages has the limit of requests,
    /// [`Limits::max_request_bytes`](crate::Limits::max_request_bytes). A peer that does not read has the limits of
    /// slow readers.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Framing, MessageSettings};
    ///
    /// let settings = MessageSettings::default().framing(Framing::ContentLength);
    /// assert_eq!(settings.framing, Framing::ContentLength);
    /// ```
    #[derive(Clone, Copy, Debug)]
    pub struct MessageSettings {
        /// How messages are told apart. Default: [`Framing::Lines`].
        pub framing: Framing = Framing::Lines,
        /// The form of messages. Default: [`SessionProtocol::RpcV1`], which also serves plain JSON-RPC clients. With
        /// [`SessionProtocol::Subscriptions`], streams have the older form of subscriptions.
        pub protocol: SessionProtocol = SessionProtocol::RpcV1,
    }
}
