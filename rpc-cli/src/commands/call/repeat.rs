//! [`Repeat`]: how a call can be repeated whose outcome is unknown.

use rpc::{Effect, Error, Failure, Outcome, Ticket};
use uuid::Uuid;

use crate::error::CliError;
use crate::exit::Exit;

/// How a call can be repeated without a second effect.
#[derive(Debug)]
pub(super) enum Repeat {
    /// The server proves by the ticket whether the call has run.
    Ticket(Ticket),
    /// The user's own key. It does not name the store that knows it.
    Key(Uuid),
    /// The server issues no ticket, for this reason.
    Nothing(Failure),
    /// A notification has no id, and so no key.
    Notification,
    /// A repeat does no harm.
    Harmless,
}

impl Repeat {
    /// Returns the result of a call, or its error with how the call can be repeated. `None`: a signal ended it early.
    pub(super) fn conclude<T>(&self, ended: Option<Result<T, Error>>, effect: Effect) -> Result<T, CliError> {
        let error = match ended {
            Some(Ok(result)) => return Ok(result),
            Some(Err(error)) => error,
            None => return Err(self.add_to(CliError::new(Exit::Unknown, "interrupted").with("outcome", "unknown"))),
        };
        let has_proof = matches!(self, Self::Ticket(_) | Self::Key(_));
        let is_doubtful = error.outcome() == Outcome::Unknown && effect == Effect::Once;
        let error = CliError::of_call(error, effect);
        Err(match error.exit() {
            Exit::Unknown if is_doubtful => self.add_to(error),
            // Without a ticket, a page of a server that knows no JSON-RPC needs no warning.
            Exit::Protocol if is_doubtful && has_proof => self.add_to(error),
            _ => error,
        })
    }

    fn add_to(&self, error: CliError) -> CliError {
        match self {
            Self::Ticket(ticket) => error
                .and_note(&format!(
                    "The call may have run. To get its answer without a second effect, repeat the command with\n  \
                     --ticket '{ticket}'"
                ))
                .with("ticket", ticket.to_string())
                .with("key", ticket.key().to_string()),
            Self::Key(key) => error
                .and_note(&format!(
                    "The call may have run. As long as the server's store remembers the key, repeat the command with\n  \
                     --key {key}\nA server that was restarted and kept its store in memory would run the call again."
                ))
                .with("key", key.to_string()),
            Self::Nothing(why) => error.and_note(&format!(
                "The call may have run. A repeat may have a second effect, since there is no ticket for it ({why})."
            )),
            Self::Notification => error.and_note(
                "The notification may have run. A repeat may have a second effect, since a notification has no key.",
            ),
            Self::Harmless => error,
        }
    }
}
