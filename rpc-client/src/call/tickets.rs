//! Tickets of calls: [`Call::ticket`] issues one after a `HEAD` request to the server, and [`Call::redeem`] makes the
//! call under it again.

use http::HeaderMap;
use rpc_core::headers::{Announcement, RPC_IDEMPOTENCY};
use rpc_core::{Effect, Outcome};

use super::Call;
use crate::call_id::Mint;
use crate::delivery::Probe;
use crate::failure::{Failure, Kind};
use crate::parts::Identity;
use crate::reliability::keys::Known;
use crate::runtime::Instant;
use crate::ticket::{Ticket, no_ticket};

impl<T, E> Call<T, E> {
    /// Issues a ticket for the call, by which it can be made again later in any process without running twice.
    ///
    /// It asks the server for its store, its time and whose the keys of such a call are, by one `HEAD` request with the
    /// call's headers. The call itself stays usable: keep the ticket, then await the call. It is sent under the
    /// ticket's key to the ticket's store alone, under [`Retry::never`](crate::Retry::never), too. A server that has
    /// another store by then refuses it, and it has not run. A call that has a ticket already returns it.
    ///
    /// Once the call has ended with its answer, or as [`Outcome::NotSent`] or [`Outcome::Refused`], forget the ticket.
    /// Until then, make the same call with [`redeem`](Self::redeem): after a restart, or when it ended as
    /// [`Outcome::Unknown`].
    ///
    /// The key is one of its own, or that of [`idempotency_key`](Self::idempotency_key), which must not have been sent
    /// before.
    ///
    /// # Errors
    ///
    /// The call was not sent, and has no ticket, if
    ///
    /// - the server cannot be asked, refuses the call's credentials, or does not answer within the call's deadline;
    /// - it announces no store of idempotency keys, or there are several behind the address, or something on the way
    ///   changes the ids of calls: no ticket would keep what it promises;
    /// - the client has [`idempotency_keys`](crate::ClientBuilder::idempotency_keys) turned off;
    /// - the call is [`readonly`](Self::readonly) or [`idempotent`](Self::idempotent): it needs none, and may be made
    ///   again as it is.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future leaves the call as it was.
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
        if let Identity::Ticket { ticket, .. } = &self.parts.identity {
            return Ok(Ticket::clone(ticket));
        }
        if self.parts.effect != Effect::Once {
            return Err(Failure::new(Kind::Builder("a readonly or idempotent call needs no ticket")));
        }
        if !self.engine.settings.idempotency_keys {
            return Err(no_ticket("the client does not send idempotency keys, by its settings"));
        }
        let start = Instant::now();
        let endpoint = self.engine.pick_endpoint();
        match endpoint.store.current(start) {
            Known::Several(_) => {
                return Err(no_ticket("there are several stores of idempotency keys behind the address"));
            }
            Known::Unkept(_) => return Err(no_ticket("something on the way to the server changes idempotency keys")),
            Known::Nothing | Known::Store(_) | Known::NoStore | Known::Unheard | Known::Silent(_) => {}
        }
        let until = self.parts.deadline(&self.engine, start);
        let headers = self.parts.headers.as_deref();
        // `scope` renews credentials by itself.
        let probe = Probe { engine: &self.engine, endpoint: &endpoint, headers, may_renew: false };
        let told = probe.scope(until).await.map_err(|failure| failure.with_outcome(Outcome::NotSent))?;
        endpoint.store.note(&told);
        let announced = announcement(&told).ok_or_else(|| no_ticket("the server has no store of idempotency keys"))?;
        let key = match self.parts.identity {
            Identity::Given(key) => key,
            _ => Mint::default().next_key(),
        };
        let ticket = Ticket::issue(key, announced)?;
        self.parts.identity = Identity::Ticket { ticket: Box::new(ticket.clone()), redeemed: false };
        Ok(ticket)
    }

    /// Makes the call under a ticket that was [issued](Self::ticket) for the same call before, by this process or
    /// another.
    ///
    /// Method, params and the caller's subject must be the same. What became of the first call counts as unknown until
    /// the server proves otherwise:
    ///
    /// - if the first call ended, this one ends with the same result or error;
    /// - if it still runs, this one waits for its end, within the deadline;
    /// - if it never reached the server, this one runs now;
    /// - in any other case this one ends as [`Outcome::Unknown`] and does not run: the server has another store, or may
    ///   have forgotten the key; the first call was cut short by a crash, a panic or a time-out; method, params or
    ///   subject are others; or the server cannot be reached.
    ///
    /// It always names its store, under [`Retry::never`](crate::Retry::never), too. An unknown outcome may become known
    /// when the ticket is redeemed again, as long as the server's store remembers.
    ///
    /// A call that is `readonly` or `idempotent`, and a notification, fail with a ticket and are not sent.
    pub fn redeem(mut self, ticket: Ticket) -> Self {
        self.parts.identity = Identity::Ticket { ticket: Box::new(ticket), redeemed: true };
        self
    }
}

fn announcement(headers: &HeaderMap) -> Option<Announcement> {
    Announcement::from_value(headers.get(RPC_IDEMPOTENCY)?)
}
