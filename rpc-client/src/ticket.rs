//! [`Ticket`]: a line of text with which a caller can repeat a call later, from any process, without running it twice.
//! It names the key, the store and the store's time.

use std::fmt;
use std::str::FromStr;

use http::HeaderValue;
use rpc_core::headers::{Keys, StoreAnnouncement};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use uuid::Uuid;

use crate::failure::{Failure, FailureKind};

/// What a caller keeps of a call to ask for its answer later, from any process. It holds the call's idempotency key,
/// the store to which the call is sent, and the time of issue by that store's clock.
///
/// [`Call::ticket`](crate::Call::ticket) issues it before the call is sent, and [`Call::redeem`](crate::Call::redeem)
/// uses it. Under a ticket a call has its effect at most once, even if the caller or the server restarts in between. A
/// server that has another store, or that may have forgotten the key, cannot know whether the first attempt ran. It
/// does not run the call, which then ends as [`Outcome::Unknown`](crate::Outcome::Unknown).
///
/// [`Display`](fmt::Display) and serde write it as one line of visible ASCII, shorter than 200 bytes. It holds no
/// credentials, and is valid only for the subject that it was issued to. Anyone who knows the ticket of a call without
/// credentials can get the call's answer. The ticket also holds a hash of the caller's subject, which lets a reader
/// test guesses of the subject. So store it as safely as the call's other data.
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
    /// The keys header of a request with only this call.
    keys: Keys,
}

impl Ticket {
    /// Returns the call's idempotency key, which is also its id.
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::{Client, Server};
    /// use uuid::Uuid;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let server = Server::builder().method("pay", |(cents,): (u64,)| async move { cents }).build();
    /// let client = Client::in_process(&server);
    /// let key = Uuid::now_v7();
    /// let mut pay = client.call::<u64>("pay", [4200]).idempotency_key(key);
    /// assert_eq!(pay.ticket().await?.key(), key);
    /// # Ok(())
    /// # }
    /// ```
    pub fn key(&self) -> Uuid {
        self.keys.sum
    }

    /// Returns the header's fields other than the keys: store, time and scope.
    pub(crate) fn pin(&self) -> Keys {
        Keys { sum: Uuid::nil(), ..self.keys }
    }

    pub(crate) fn issue(key: Uuid, announced: StoreAnnouncement) -> Result<Self, Failure> {
        if announced.store.ttl.is_zero() {
            return Err(no_ticket("the server's store of idempotency keys remembers for less than a second"));
        }
        let StoreAnnouncement { store, now: Some(at), scope: Some(scope) } = announced else {
            return Err(no_ticket("the server does not tell its store's time, or whose the keys are"));
        };
        let (at, scope) = (Some(at), Some(scope));
        let keys = Keys { store: Some(store.identity), ttl: Some(store.ttl), at, scope, ..Keys::new([key]) };
        Ok(Self { keys })
    }
}

pub(crate) fn no_ticket(why: &'static str) -> Failure {
    Failure::new(FailureKind::NoTicket(why))
}

impl fmt::Display for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text is visible ASCII throughout.
        f.write_str(self.keys.to_value().to_str().unwrap_or_default())
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Ticket({self})")
    }
}

/// Parses a ticket. Fields that later versions add are ignored.
impl FromStr for Ticket {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let keys = HeaderValue::from_str(text).ok().and_then(|value| Keys::from_value(&value));
        match keys {
            Some(keys @ Keys { store: Some(_), ttl: Some(ttl), at: Some(_), scope: Some(_), .. }) if !ttl.is_zero() => {
                Ok(Self { keys })
            }
            _ => Err(Failure::new(FailureKind::Builder("not a ticket"))),
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
