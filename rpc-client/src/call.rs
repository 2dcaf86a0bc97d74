use std::convert::Infallible;
use std::fmt;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use rpc_core::params::{Encode, encode_params};
use rpc_core::{BoxFuture, Effect, Inherited, MethodRef, MethodSpec, Outcome, RpcError, codec};
use serde::de::DeserializeOwned;
use tokio::time::Instant;
use uuid::Uuid;

use crate::builder::set_header;
use crate::client::Client;
use crate::delivery::{CallId, Delivery, Entry, Key, Manner, Mint};
use crate::error::{Answered, Error, decode};
use crate::failure::{Failure, Kind};
use crate::notification::Notification;
use crate::{Retry, Ticket};

/// A call that was not sent yet: a value to configure, keep, hand to another task or put into a batch.
///
/// Awaiting it sends it: it is no future by itself but becomes one, by `.await` or by `.into_future()` where a future is
/// wanted. `T` is the type of its result, `E` the error that its method declares.
///
/// # Errors
///
/// [`Error`] says how a call can fail.
///
/// # Cancel safety
///
/// A call that was not awaited was not sent. Dropping the future of one that was gives up on the answer: the request is
/// cancelled, and it does not go again. The call may have run.
///
/// # Example
///
/// ```no_run
/// # async fn example(client: rpc::Client) -> Result<(), rpc::Error> {
/// use std::time::Duration;
///
/// let call = client.call::<i64>("sum", [1, 2, 3]).deadline(Duration::from_millis(200)).header("x-tenant", "a");
/// let sum = tokio::spawn(async move { call.await }).await.expect("no panic")?;
/// # Ok(())
/// # }
/// ```
#[must_use = "a call is sent only when it is awaited, notified or put into a batch"]
pub struct Call<T, E = Infallible> {
    pub(crate) client: Client,
    pub(crate) parts: Parts,
    types: PhantomData<fn() -> (T, E)>,
}

/// What a call is whatever its types.
pub(crate) struct Parts {
    pub(crate) method: MethodRef,
    /// The JSON text up to where the id will stand, or why the call cannot be sent.
    pub(crate) request: Result<Vec<u8>, Failure>,
    pub(crate) headers: Option<Box<HeaderMap>>,
    pub(crate) deadline: Option<Duration>,
    pub(crate) effect: Effect,
    retry: Option<Box<Retry>>,
    pub(crate) identity: Identity,
}

/// Under which idempotency key a call goes.
pub(crate) enum Identity {
    /// One that is made for it, if it needs one.
    Own,
    /// The caller's, of which nothing else is known.
    Given(Uuid),
    /// That of a ticket, under which it may have been made before if that was given back.
    Ticket { ticket: Box<Ticket>, redeemed: bool },
}

impl Identity {
    /// Says that the call cannot be sent. What became of the one that its ticket was issued for stays unknown.
    pub(crate) fn unsendable(&self, failure: Failure) -> Failure {
        match self {
            Self::Ticket { redeemed: true, .. } => failure.with_outcome(Outcome::Unknown),
            _ => failure,
        }
    }
}

/// Makes a call of a method of a trait.
///
/// A result that cannot be decoded is refused here, where the method is declared: an `.await` would only be told that the
/// call is no future.
#[doc(hidden)]
#[expect(clippy::needless_pass_by_value, reason = "generated code hands over a tuple that it has just made")]
pub fn call<P: Encode, T: DeserializeOwned, E>(client: &Client, method: &'static MethodSpec, params: P) -> Call<T, E> {
    Call::new(client.clone(), method.into(), open(method, &params))
}

/// Writes the request. It is not generic, since what is generic over params is compiled for each method.
fn open(method: &MethodSpec, params: &dyn Encode) -> Result<Vec<u8>, Failure> {
    let request = codec::open_request(&method.name, |out| encode_params(method, params, out));
    request.map_err(|error| Failure::with_source(Kind::Encode, error))
}

impl<T, E> Call<T, E> {
    pub(crate) fn new(client: Client, method: MethodRef, request: Result<Vec<u8>, Failure>) -> Self {
        let effect = method.effect;
        let parts =
            Parts { method, request, headers: None, deadline: None, effect, retry: None, identity: Identity::Own };
        Self { client, parts, types: PhantomData }
    }

    /// Sets how long the call may take in all, from when it is awaited: all attempts and the pauses between them. Default:
    /// the method's own `timeout`, else the client's, 30 s if not set there. Inside of a handler it is never more than what
    /// the handler has left.
    ///
    /// A batch waits for the longest of its calls' deadlines, and none of them goes again after its own, unless the batch has [one of its own](crate::BatchCall::deadline).
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.parts.deadline = Some(deadline);
        self
    }

    /// Sends a header with the call, in the place of the client's own of that name.
    ///
    /// A name or value that no header can have makes the call fail when it is awaited. Calls with other headers than
    /// the rest of their batch go in a request of their own.
    pub fn header<N, V>(mut self, name: N, value: V) -> Self
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        self.parts.set_header(name, value);
        self
    }

    /// Sets how often the call goes again if it fails, where that is safe. Default: what the client has for its method, else
    /// for all.
    pub fn retry(mut self, retry: Retry) -> Self {
        self.parts.retry = Some(Box::new(retry));
        self
    }

    /// Gives the call this idempotency key, instead of one that is made anew for each call. The key is the call's id; a
    /// notification has none. It replaces a key or a ticket that was set before.
    ///
    /// The server runs no two calls with one key as long as its store remembers the first. The key alone does not tell
    /// which store that was, nor when: a call that comes later, from another process or after a restart of the server,
    /// is fresh for a server that has lost its store or has forgotten the key, and then runs a second time. So a key of
    /// one's own is for calls whose server has a store that survives restarts, and only within the time that it
    /// remembers. Whoever has to make a call once more after a restart keeps a [`ticket`](Self::ticket).
    pub fn idempotency_key(mut self, key: Uuid) -> Self {
        self.parts.identity = Identity::Given(key);
        self
    }

    /// Says that repeating the call does what making it once does, so that it goes again without a key where its fate is
    /// unknown. Methods of a trait say so themselves.
    pub fn idempotent(mut self) -> Self {
        self.parts.effect = Effect::Idempotent;
        self
    }

    /// Says that the call has no effect. Methods of a trait say so themselves.
    pub fn readonly(mut self) -> Self {
        self.parts.effect = Effect::None;
        self
    }

    /// Makes a notification of the call: the server runs it and answers nothing,
    /// [section 4.1](https://www.jsonrpc.org/specification#notification).
    pub fn notify(self) -> Notification {
        Notification::new(self.client, self.parts)
    }

    /// Returns the method's name on the wire.
    pub fn method(&self) -> &str {
        &self.parts.method.name
    }
}

impl Parts {
    fn set_header<N, V>(&mut self, name: N, value: V)
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        if let Err(failure) = set_header(self.headers.get_or_insert_default(), name, value)
            && self.request.is_ok()
        {
            self.request = Err(failure);
        }
    }

    /// Returns the key that the caller has given, if any.
    pub(crate) fn given_key(&self) -> Option<Uuid> {
        match &self.identity {
            Identity::Own => None,
            Identity::Given(key) => Some(*key),
            Identity::Ticket { ticket, .. } => Some(ticket.key()),
        }
    }

    /// Tells why the call cannot be sent with its ticket, if it has one.
    fn refuse_ticket(&self, wants_answer: bool) -> Result<(), Failure> {
        let why = match self.identity {
            Identity::Own | Identity::Given(_) => return Ok(()),
            Identity::Ticket { .. } if !wants_answer => "a notification cannot have a ticket",
            Identity::Ticket { .. } if self.effect != Effect::Once => "a readonly or idempotent call needs no ticket",
            Identity::Ticket { .. } => return Ok(()),
        };
        Err(Failure::new(Kind::Builder(why)))
    }

    /// Makes what is sent of the call, and says in which manner. `retry` is what its batch says, if that says
    /// something.
    pub(crate) fn into_entry(
        self,
        client: &Client,
        wants_answer: bool,
        retry: Option<&Retry>,
        mint: &mut Mint,
        start: Instant,
    ) -> Result<(Entry, Manner), Failure> {
        let settings = &client.inner.settings;
        self.refuse_ticket(wants_answer).map_err(|failure| self.identity.unsendable(failure))?;
        let request = self.request.map_err(|failure| self.identity.unsendable(failure))?;
        let retry = match (self.retry, retry) {
            (Some(own), _) => Some(own),
            (None, Some(of_batch)) => Some(Box::new(*of_batch)),
            (None, None) if settings.method_retries.is_empty() => None,
            (None, None) => settings.method_retries.get(&*self.method.name).map(|retry| Box::new(*retry)),
        };
        let is_never = retry.as_deref().unwrap_or(&settings.retry).is_never();
        let id = wants_answer.then(|| match &self.identity {
            Identity::Given(key) => CallId::Key(Key::new(*key)),
            Identity::Ticket { ticket, .. } => CallId::Key(Key::new(ticket.key())),
            // A key is for calls that may go again.
            Identity::Own if self.effect == Effect::Once && !is_never => mint.next(),
            Identity::Own => client.next_id(),
        });
        let budget = self.deadline.or(self.method.timeout).unwrap_or(settings.deadline);
        let deadline = deadline(budget, start);
        let mut entry = Entry::new(request, id, self.method, self.effect, retry, deadline);
        let mut manner = Manner { headers: self.headers, pin: None };
        match self.identity {
            Identity::Own => {}
            Identity::Given(_) => entry.has_given_key = wants_answer,
            Identity::Ticket { ticket, redeemed } => {
                entry.has_given_key = true;
                manner.pin = Some(Box::new(ticket.pin()));
                if redeemed {
                    entry.redeem();
                }
            }
        }
        Ok((entry, manner))
    }

    /// Sends the call alone.
    pub(crate) async fn send(self, client: Client, wants_answer: bool) -> Answered {
        let start = Instant::now();
        let (entry, manner) = self.into_entry(&client, wants_answer, None, &mut Mint::default(), start)?;
        let delivery = Delivery::single(client, manner, entry, start);
        delivery.run().await.pop().expect("there is an answer for the one entry")
    }
}

/// Returns when so much time has passed, or what is left to a handler that makes the call, if that is less.
pub(crate) fn deadline(budget: Duration, now: Instant) -> Instant {
    // What a clock cannot hold is a very long time, and a year is one.
    let after = |time| now.checked_add(time).unwrap_or_else(|| now + Duration::from_secs(365 * 24 * 60 * 60));
    match Inherited::current() {
        Inherited::Nothing => after(budget),
        Inherited::Within(time) => after(budget.min(time)),
        Inherited::Until(time) => after(budget).min(Instant::from_std(time)),
    }
}

impl<T: DeserializeOwned, E: RpcError> IntoFuture for Call<T, E> {
    type Output = Result<T, Error<E>>;
    type IntoFuture = CallFuture<T, E>;

    fn into_future(self) -> CallFuture<T, E> {
        CallFuture { answered: Box::pin(self.parts.send(self.client, true)), types: PhantomData }
    }
}

impl<T, E> fmt::Debug for Call<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.debug(f.debug_struct("Call"))
    }
}

impl Parts {
    pub(crate) fn debug(&self, mut debug: fmt::DebugStruct<'_, '_>) -> fmt::Result {
        debug.field("method", &self.method.name).field("deadline", &self.deadline).finish_non_exhaustive()
    }
}

/// A call that was sent, or is about to be.
#[must_use = "futures do nothing unless polled"]
pub struct CallFuture<T, E = Infallible> {
    answered: BoxFuture<Answered>,
    types: PhantomData<fn() -> (T, E)>,
}

impl<T: DeserializeOwned, E: RpcError> Future for CallFuture<T, E> {
    type Output = Result<T, Error<E>>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(decode(ready!(self.answered.as_mut().poll(cx))))
    }
}

impl<T, E> fmt::Debug for CallFuture<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CallFuture")
    }
}
