//! [`Discover`]: a source of endpoints that change while the client runs. `endpoints/discovery` reads it. The built-in
//! sources are a channel of tokio and, with the feature `dns`, a name.

#[cfg(feature = "dns")]
mod dns;
mod status;

use std::pin::Pin;

use futures_util::Stream;
use futures_util::stream;
use rpc_core::{MaybeSend, MaybeSync};
use tokio::sync::watch;

use crate::endpoint::Endpoint;
use crate::middleware::BoxError;
#[cfg(feature = "dns")]
pub use dns::DnsDiscovery;
pub use status::DiscoveryStatus;

/// A source of the endpoints of a client. Implement it for a registry or a file, and pass it to
/// [`ClientBuilder::discover`](crate::ClientBuilder::discover).
///
/// A [`tokio::sync::watch::Receiver`] of a list of endpoints is a source, and so is a name in the DNS, with the feature
/// `dns`.
///
/// The client compares each set with the one before. An endpoint with the same URL and the same headers keeps its
/// connections, its load, its circuit and what the client knows of its store. Its weight and tier change without that.
/// Calls in flight to a removed endpoint continue. Its connections close when these calls have ended.
///
/// # Example
///
/// ```
/// use std::time::Duration;
///
/// use futures_util::{Stream, stream};
/// use rpc::client_middleware::BoxError;
/// use rpc::{Client, Discover, Endpoint};
///
/// /// Reads a file with one address in each line, once a second.
/// struct AddressFile(&'static str);
///
/// impl Discover for AddressFile {
///     fn watch(&self) -> impl Stream<Item = Result<Vec<Endpoint>, BoxError>> + Send {
///         stream::unfold(true, move |is_first| async move {
///             if !is_first {
///                 tokio::time::sleep(Duration::from_secs(1)).await;
///             }
///             let text = tokio::fs::read_to_string(self.0).await;
///             let endpoints = text.map(|text| text.lines().map(Endpoint::new).collect());
///             Some((endpoints.map_err(BoxError::from), false))
///         })
///     }
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), rpc::Failure> {
/// let client = Client::builder().discover(AddressFile("/etc/orders/addresses")).build()?;
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source of endpoints",
    note = "a source is a `tokio::sync::watch::Receiver<Vec<Endpoint>>`, or a type that implements `rpc::Discover`",
    note = "for endpoints that never change there is `ClientBuilder::endpoints`"
)]
pub trait Discover: MaybeSend + MaybeSync + 'static {
    /// Returns the sets of endpoints: the current one at once, and each further one when it has changed.
    ///
    /// Each item is the whole set. The client ignores a set without endpoints once it has others, since a source that
    /// has lost its connection often reports nothing. After an error, the client keeps the last set. It reads the
    /// stream again after 1 s. If the stream ends after an error, or panics, the client calls `watch` again after 1 s.
    /// When the stream ends after a set or without any item, the client keeps the last set from then on.
    ///
    /// A task of the client reads the stream, whether or not there are calls. It runs in the runtime in which the
    /// client was built, or in that of the first call. If that runtime ends, the client calls `watch` again at its next
    /// call.
    fn watch(&self) -> impl Stream<Item = Result<Vec<Endpoint>, BoxError>> + Send;

    /// Asks for a new set soon. The client calls it after it could not connect to an endpoint. It must not block.
    ///
    /// The default implementation does nothing: a source that is notified of changes needs no question.
    fn refresh(&self) {}
}

/// Yields the current list, and each later one. Dropping the sender keeps the last list.
impl<T> Discover for watch::Receiver<Vec<T>>
where
    T: Into<Endpoint> + Clone + Send + Sync + 'static,
{
    fn watch(&self) -> impl Stream<Item = Result<Vec<Endpoint>, BoxError>> + Send {
        let mut receiver = self.clone();
        receiver.mark_changed();
        stream::unfold(receiver, |mut receiver| async move {
            receiver.changed().await.ok()?;
            let endpoints = receiver.borrow_and_update().iter().cloned().map(Into::into).collect();
            Some((Ok(endpoints), receiver))
        })
    }
}

/// The stream of a [`Discover`], without its type.
pub(crate) type EndpointSets<'a> = Pin<Box<dyn Stream<Item = Result<Vec<Endpoint>, BoxError>> + Send + 'a>>;

/// A [`Discover`] without its type.
pub(crate) trait DynDiscover: MaybeSend + MaybeSync {
    fn watch(&self) -> EndpointSets<'_>;
    fn refresh(&self);
}

impl<D: Discover> DynDiscover for D {
    fn watch(&self) -> EndpointSets<'_> {
        Box::pin(Discover::watch(self))
    }

    fn refresh(&self) {
        Discover::refresh(self);
    }
}
