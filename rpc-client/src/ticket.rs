use std::fmt;
use std::str::FromStr;

use http::{HeaderMap, HeaderValue};
use rpc_core::headers::{Announcement, Keys, RPC_IDEMPOTENCY};
use rpc_core::{Effect, Outcome};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use tokio::time::Instant;
use uuid::Uuid;

use crate::Call;
use crate::call::{Identity, deadline};
use crate::delivery::{Mint, ask_for_ticket};
use crate::failure::{Failure, Kind};
use crate::reliability::keys::Known;

/// What a caller keeps of a call so that it can ask after the call later, from any process: the call's idempotency key,
/// the store that it is sent to, and when the ticket was issued by that store's clock.
///
/// [`Call::ticket`] issues it before the call is sent, and [`Call::redeem`] takes it back. Under a ticket a call has its
/// effect at most once, whatever restarts in between: the caller, the server, or both. A server that cannot know what
/// became of the first attempt, since it has another store or may have forgotten the key, does not run the call, which
/// then ends as [`Outcome::Unknown`].
///
/// [`Display`](fmt::Display) and serde write it as one line of visible ASCII with less than 200 bytes. It holds no
/// credentials, and is valid for the subject alone that it was issued to. Anyone who knows the ticket of a call without
/// credentials can get the call's answer. The ticket also holds a hash of the caller's subject, against which guesses
/// of the subject can be tested. So store it as safely as the call's other data.
///
/// # Example
///
/// ```
/// let text = "keys=01890a5d-ac96-774b-bcce-b302099a8057;store=5a7fb7a6-6ce0-4c59-93d4-7a0ca04c5e5d;ttl=120;at=52017;scope=none";
/// let ticket: rpc::Ticket = text.parse()?;
/// assert_eq!(ticket.to_string(), text);
/// assert_eq!(ticket.key().to_string(), "01890a5d-ac96-774b-bcce-b302099a8057");
/// # Ok::<(), rpc::Failure>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    /// What a request with this call alone says.
    keys: Keys,
}

impl Ticket {
    /// Returns the call's idempotency key, which is its id, too.
    pub fn key(&self) -> Uuid {
        self.keys.sum
    }

    /// Returns what a request says of its keys beside the keys themselves.
    pub(crate) fn pin(&self) -> Keys {
        Keys { sum: Uuid::nil(), ..self.keys }
    }

    fn issue(key: Uuid, announced: Announcement) -> Result<Self, Failure> {
        if announced.store.ttl.is_zero() {
            return Err(no_ticket("the server's store of idempotency keys remembers for less than a second"));
        }
        let Announcement { store, now: Some(at), scope: Some(scope) } = announced else {
            return Err(no_ticket("the server does not tell its store's time, or whose the keys are"));
        };
        let (at, scope) = (Some(at), Some(scope));
        let keys = Keys { store: Some(store.identity), ttl: Some(store.ttl), at, scope, ..Keys::new([key]) };
        Ok(Self { keys })
    }
}

fn no_ticket(why: &'static str) -> Failure {
    Failure::new(Kind::NoTicket(why))
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // It is visible ASCII throughout.
        f.write_str(self.keys.to_value().to_str().unwrap_or_default())
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket({self})")
    }
}

/// Reads a ticket. What is added to tickets in later versions is ignored.
impl FromStr for Ticket {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let keys = HeaderValue::from_str(text).ok().and_then(|value| Keys::from_value(&value));
        match keys {
            Some(keys @ Keys { store: Some(_), ttl: Some(ttl), at: Some(_), scope: Some(_), .. }) if !ttl.is_zero() => {
                Ok(Self { keys })
            }
            _ => Err(Failure::new(Kind::Builder("not a ticket"))),
        }
    }
}

impl Serialize for Ticket {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Ticket {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

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
        let start = Instant::now();
        match self.client.inner.knowledge.current(start) {
            Known::Several(_) => {
                return Err(no_ticket("there are several stores of idempotency keys behind the address"));
            }
            Known::Unkept(_) => return Err(no_ticket("something on the way to the server changes idempotency keys")),
            Known::Nothing | Known::Store(_) | Known::NoStore | Known::Silent(_) => {}
        }
        let settings = &self.client.inner.settings;
        let until = deadline(self.parts.deadline.or(self.parts.method.timeout).unwrap_or(settings.deadline), start);
        let told = ask_for_ticket(&self.client.inner, self.parts.headers.as_deref(), until).await;
        let told = told.map_err(|failure| failure.with_outcome(Outcome::NotSent))?;
        self.client.inner.knowledge.note(&told);
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

#[cfg(test)]
mod tests {
    use super::Ticket;

    const TEXT: &str = "keys=01890a5d-ac96-774b-bcce-b302099a8057;store=5a7fb7a6-6ce0-4c59-93d4-7a0ca04c5e5d;ttl=120;at=52017;\
                        scope=00000000000000ff";

    #[test]
    fn a_ticket_is_one_line_of_text_in_every_format() {
        let ticket: Ticket = TEXT.parse().unwrap();
        assert_eq!(ticket.to_string(), TEXT);
        let json = serde_json::to_string(&ticket).unwrap();
        assert_eq!(json, format!("\"{TEXT}\""));
        assert_eq!(serde_json::from_str::<Ticket>(&json).unwrap(), ticket);
        assert_eq!(format!("{TEXT};later=1").parse::<Ticket>().unwrap(), ticket);
    }

    #[test]
    fn a_ticket_without_store_or_time_or_scope_is_none() {
        for part in
            [";store=5a7fb7a6-6ce0-4c59-93d4-7a0ca04c5e5d", ";ttl=120", ";at=52017", ";scope=00000000000000ff", "keys="]
        {
            let text = TEXT.replace(part, "");
            let failure = text.parse::<Ticket>().unwrap_err();
            assert!(failure.is_builder(), "{text}");
        }
        assert!(TEXT.replace("ttl=120", "ttl=0").parse::<Ticket>().is_err());
        assert!(serde_json::from_str::<Ticket>("\"\"").is_err());
        assert!("keys=\n".parse::<Ticket>().is_err());
    }
}
