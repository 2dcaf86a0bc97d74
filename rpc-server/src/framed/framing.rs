//! [`ByteFraming`]: the messages of a session on a stream of bytes, told apart by lines or by lengths.

use std::sync::Arc;

use rpc_core::codec::{Frame, FrameDecoder, FrameError, begin_frame, end_frame, write_rpc_member};
use rpc_core::headers::RPC_RETRY;
use rpc_core::{ErrorCode, ErrorObject, Framing, IdRef, SessionProtocol};

use super::settings::MessageSettings;
use crate::dispatch::{NO, WrittenAnswer, whole_error};
use crate::fault::of_bytes;
use crate::load::{ByteRoom, CapacityError, ConnectionLoad, SMALL};
use crate::session::{ControlNames, InputEnd, MessageFraming, Received, SessionEnd};

/// The messages on one stream of bytes.
pub(super) struct ByteFraming {
    settings: MessageSettings,
    decoder: FrameDecoder,
    /// The maximum size of a message, in bytes.
    limit: usize,
    /// The room of the message that arrives, if it is large.
    room: ByteRoom,
    /// How many messages have come. It may wrap around.
    messages: u32,
    has_ended: bool,
}

/// Why the server ends a connection.
#[derive(Debug)]
pub(super) enum EndReason {
    Session(SessionEnd),
    /// The messages can no longer be told apart.
    Fault(FrameError),
    /// The server has no room for a message.
    NoRoom(CapacityError),
}

impl From<SessionEnd> for EndReason {
    fn from(end: SessionEnd) -> Self {
        Self::Session(end)
    }
}

impl ByteFraming {
    /// `limit` is the maximum size of a message, in bytes. The bytes of large messages count in `load` as they arrive.
    pub(super) fn new(settings: MessageSettings, limit: usize, load: &Arc<ConnectionLoad>) -> Self {
        Self {
            settings,
            decoder: FrameDecoder::new(settings.framing, limit),
            limit,
            room: ByteRoom::new(load),
            messages: 0,
            has_ended: false,
        }
    }

    /// Returns how many messages have come. The number may wrap around.
    pub(super) fn messages(&self) -> u32 {
        self.messages
    }

    /// Returns whether the peer sends no more.
    pub(super) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// Returns the text of an answer to a message that no handler sees.
    #[cold]
    fn refusal(&self, error: &ErrorObject) -> Vec<u8> {
        let mut answer = if error.code() == ErrorCode::OVERLOADED {
            WrittenAnswer::overloaded(IdRef::NULL, error)
        } else {
            let mut answer = whole_error(IdRef::NULL, error).refused();
            answer.header(RPC_RETRY, NO);
            answer
        };
        if let Some(headers) = answer.headers.take().filter(|_| self.settings.protocol == SessionProtocol::RpcV1) {
            write_rpc_member(&mut answer.body, &headers);
        }
        answer.body
    }

    /// Takes room for the part of a message that has arrived.
    fn take_room(&mut self) -> Result<(), EndReason> {
        let arrived = self.decoder.buffered();
        // The room of a small message is taken when it is whole, so that its call is refused by an answer.
        if arrived > SMALL.max(self.room.bytes()) {
            self.room.add(arrived - self.room.bytes()).map_err(EndReason::NoRoom)?;
        }
        Ok(())
    }
}

impl MessageFraming for ByteFraming {
    type Reason = EndReason;

    const NAME: &'static str = "a connection of messages";
    const AWAITS_CLOSE: bool = false;

    fn read(&mut self, bytes: &mut &mut [u8]) -> Result<Option<Received>, EndReason> {
        let mut rest: &[u8] = bytes;
        let decoded = self.decoder.decode(&mut rest);
        let taken = bytes.len() - rest.len();
        *bytes = &mut std::mem::take(bytes)[taken..];
        match decoded.map_err(EndReason::Fault)? {
            Some(frame) => {
                // The session counts the message from now on.
                self.room.fit_up_to(0);
                self.messages = self.messages.wrapping_add(1);
                Ok(Some(match frame {
                    Frame::Message(message) => Received::Message(message),
                    Frame::TooLarge => {
                        let data = format!("a message may have at most {} bytes", self.limit);
                        let error = ErrorObject::from(ErrorCode::REQUEST_TOO_LARGE).with_data(&data);
                        Received::Refused(self.refusal(&error))
                    }
                }))
            }
            None => self.take_room().map(|()| None),
        }
    }

    fn finish(&mut self) -> InputEnd {
        self.has_ended = true;
        let last = self.decoder.finish();
        self.room.fit_up_to(0);
        InputEnd::Drains(last)
    }

    fn is_within_message(&self) -> bool {
        self.decoder.buffered() > 0
    }

    fn begin_message(&self, output: &mut Vec<u8>) -> usize {
        begin_frame(self.settings.framing, output)
    }

    fn end_message(&self, output: &mut Vec<u8>, start: usize) {
        end_frame(self.settings.framing, output, start);
    }

    fn write_close(&self, output: &mut Vec<u8>, reason: &EndReason) {
        let error = match reason {
            EndReason::Session(SessionEnd::TooSlow) => ErrorCode::REQUEST_TIMEOUT.into(),
            EndReason::Session(end) => return tracing::debug!(?end, "{} is closed", Self::NAME),
            EndReason::Fault(fault) => ErrorObject::from(ErrorCode::PARSE_ERROR).with_data(fault.text()),
            EndReason::NoRoom(full) => of_bytes(*full),
        };
        tracing::debug!(%error, "{} is closed", Self::NAME);
        let start = self.begin_message(output);
        output.extend_from_slice(&self.refusal(&error));
        self.end_message(output, start);
    }
}

/// Returns the notifications by which clients of this framing control their calls.
pub(super) fn control_names(framing: Framing) -> ControlNames {
    match framing {
        Framing::ContentLength => ControlNames::WithLanguageServer,
        _ => ControlNames::Own,
    }
}
