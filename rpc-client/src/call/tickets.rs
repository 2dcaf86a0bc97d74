//! Tickets of calls. [`Call::ticket`] issues one after a `HEAD` request to the server. [`Call::redeem`] makes the call
//! again under it.

use http::HeaderMap;
use rpc_core::headers::{RPC_IDEMPOTENCY, StoreAnnouncement};
use rpc_core::{Effect, Outcome};

use super::Call;
use crate::call_id::KeyGenerator;
use crate::delivery::Probe;
use crate::endpoints::EndpointState;
use crate::failure::{Failure, FailureKind};
use crate::parts::CallIdentity;
use crate::reliability::keys::StoreStatus;
use crate::runtime::Instant;
use crate::ticket::{Ticket, no_ticket};

impl<T, E> Call<T, E> {
    /// Issues a ticket for the call. With the ticket, any process can repeat the call later without running it twice.
    ///
    /// It sends one `HEAD` request with the call's headers. The request asks the server for its store, its time, and
    /// the subject that owns the call's key. If the request does not reach its endpoint, it goes to another one.
    ///
    /// The call itself stays usable: store the ticket, then await the call. The call is then sent under the ticket's
    /// key, to the ticket's store only, also under [`Retry::never`](crate::Retry::never). A server that has another
    /// store by then refuses the call without running it. If the call already has a ticket, that ticket is returned.
    ///
    /// Once the call has ended with its answer, or as [`Outcome::NotSent`] or [`Outcome::Refused`], forget the ticket.
    /// Until then, repeat the call with [`redeem`](Self::redeem): after a restart, or when it ended as
    /// [`Outcome::Unknown`].
    ///
    /// The key is a new one, or the one set with [`idempotency_key`](Self::idempotency_key), which must not have been
    /// sent before.
    ///
    /// # Errors
    ///
    /// The call was not sent, and has no ticket, if
    ///
    /// - the server cannot be asked, refuses the call's credentials, or does not answer within the call's deadline;
    /// - it announces no store of idempotency keys, there are several stores behind the address, or an intermediary
    ///   changes the ids of calls: no ticket could be relied on;
    /// - the client has [`idempotency_keys`](crate::ClientBuilder::idempotency_keys) turned off;
    /// - the call is [`readonly`](Self::readonly) or [`idempotent`](Self::idempotent): it needs no ticket, and can be
    ///   repeated as it is.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the call unchanged.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # async fn example(client: rpc::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let mut pay = client.call::<u64>("pay", [4200]);
    /// let ticket = pay.ticket().await?;
    /// std::fs::write("payment.ticket", ticket.to_string())?;
    /// let receipt = pay.await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// After a restart:
    ///
    /// ```no_run
    /// # async fn example(client: rpc::Client) -> Result<(), Box<dyn std::error::Error>> {
    /// let ticket: rpc::Ticket = std::fs::read_to_string("payment.ticket")?.parse()?;
    /// match client.call::<u64>("pay", [4200]).redeem(ticket).await {
    ///     Ok(receipt) => println!("receipt {receipt}"),
    ///     Err(error) if error.outcome() == rpc::Outcome::Unknown => println!("ask the bank: {error}"),
    ///     Err(error) => return Err(error.into()),
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn ticket(&mut self) -> Result<Ticket, Failure> {
        if let CallIdentity::Ticket { ticket, .. } = &self.parts.identity {
            return Ok(Ticket::clone(ticket));
        }
        if self.parts.effect != Effect::Once {
            return Err(Failure::new(FailureKind::Builder("a readonly or idempotent call needs no ticket")));
        }
        if !self.engine.settings.idempotency_keys {
            return Err(no_ticket("the client does not send idempotency keys, by its settings"));
        }
        let until = self.parts.deadline(&self.engine, Instant::now());
        let (endpoints, hash_key) = (&self.engine.endpoints, self.parts.hash_key);
        endpoints.wait(until).await?;
        let mut endpoint = endpoints.any(hash_key);
        let mut announced = self.ask_for_ticket(&endpoint, until).await;
        // As a call does, the question goes to another endpoint if it did not reach this one.
        let mut tried = Vec::new();
        while announced.as_ref().is_err_and(Failure::is_unsent) && Instant::now() < until {
            tried.push(endpoint);
            let Some(other) = endpoints.other(hash_key, &tried) else { break };
            endpoint = other;
            announced = self.ask_for_ticket(&endpoint, until).await;
        }
        let key = match self.parts.identity {
            CallIdentity::Given(key) => key,
            _ => KeyGenerator::default().next_key(),
        };
        let ticket = Ticket::issue(key, announced?)?;
        self.parts.identity = CallIdentity::Ticket { ticket: Box::new(ticket.clone()), redeemed: false };
        Ok(ticket)
    }

    /// Asks the server at an endpoint for its store, its time, and the owner of the call's key.
    async fn ask_for_ticket(&self, endpoint: &EndpointState, until: Instant) -> Result<StoreAnnouncement, Failure> {
        match endpoint.store.current(Instant::now()) {
            StoreStatus::Several(_) => {
                return Err(no_ticket("there are several stores of idempotency keys behind the address"));
            }
            StoreStatus::Unkept(_) => {
                return Err(no_ticket("something on the way to the server changes idempotency keys"));
            }
            StoreStatus::Nothing
            | StoreStatus::Store(_)
            | StoreStatus::NoStore
            | StoreStatus::Unheard
            | StoreStatus::Silent(_) => {}
        }
        let headers = self.parts.headers.as_deref();
        // `scope` renews credentials itself.
        let probe = Probe { engine: &self.engine, endpoint, headers, may_renew: false };
        let told = probe.scope(until).await;
        if endpoint.store.current(Instant::now()) == StoreStatus::Nothing {
            // Then the call itself does not have to ask again. A request that did not reach the server says nothing.
            let _ = endpoint.store.learn(told.clone(), Instant::now());
        }
        let told = told.map_err(|failure| failure.with_outcome(Outcome::NotSent))?;
        endpoint.store.note(&told);
        announcement(&told).ok_or_else(|| no_ticket("the server has no store of idempotency keys"))
    }

    /// Makes the call under a ticket that was [issued](Self::ticket) for the same call earlier, by this process or
    /// another.
    ///
    /// Method, params and the caller's subject must be the same. The outcome of the first call counts as unknown until
    /// the server proves otherwise:
    ///
    /// - if the first call ended, this one ends with the same result or error;
    /// - if the first call still runs, this one waits for its end, within the deadline;
    /// - if the first call never reached the server, this one runs now;
    /// - in any other case this one ends as [`Outcome::Unknown`] and does not run: the server has another store, or may
    ///   have forgotten the key; a crash, a panic or a timeout ended the first call early; method, params or subject
    ///   differ; or the server cannot be reached.
    ///
    /// The call always names its store, also under [`Retry::never`](crate::Retry::never). An unknown outcome can become
    /// known when the ticket is redeemed again, as long as the server's store remembers the key.
    ///
    /// A call that is `readonly` or `idempotent`, and a notification, fail with a ticket and are not sent.
    ///
    /// # Example
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicU64, Ordering};
    ///
    /// use rpc::{Client, Server, Ticket};
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let receipts = Arc::new(AtomicU64::new(0));
    /// let pay = move |(_cents,): (u64,)| {
    ///     let receipts = Arc::clone(&receipts);
    ///     async move { receipts.fetch_add(1, Ordering::Relaxed) + 1 }
    /// };
    /// let client = Client::in_process(&Server::builder().method("pay", pay).build());
    ///
    /// let mut call = client.call::<u64>("pay", [4200]);
    /// let text = call.ticket().await?.to_string();
    /// assert_eq!(call.await?, 1);
    ///
    /// // Later, also from another process:
    /// let ticket: Ticket = text.parse()?;
    /// assert_eq!(client.call::<u64>("pay", [4200]).redeem(ticket).await?, 1);
    /// # Ok(())
    /// # }
    /// ```
    pub fn redeem(mut self, ticket: Ticket) -> Self {
        self.parts.identity = CallIdentity::Ticket { ticket: Box::new(ticket), redeemed: true };
        self
    }
}

fn announcement(headers: &HeaderMap) -> Option<StoreAnnouncement> {
    StoreAnnouncement::from_value(headers.get(RPC_IDEMPOTENCY)?)
}
