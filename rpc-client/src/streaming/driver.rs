//! [`StreamDriver`]: reads a stream to its end, and opens it again after cuts. It is not generic, so it is compiled
//! once. `Streaming` decodes its events.

use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use rpc_core::codec::{InvalidResponse, ReceivedItem, ReceivedMessage, Reply, read_stream_message};
use rpc_core::codes::RetryRule;
use rpc_core::{BoxFuture, ErrorObject};

use super::opener::{Opened, Reopen, StreamOpener};
use super::outage::{Cut, Outage, is_hopeless};
use super::reader::MessageReader;
use crate::failure::{Failure, FailureKind};
use crate::replies::VersionCheck;
use crate::response_slot::AcceptedStream;
use crate::runtime::{Instant, Sleep, sleep};

/// Reads a stream, and opens it again after cuts.
pub(crate) struct StreamDriver {
    opener: StreamOpener,
    /// The cursor of the last item that was yielded, as JSON text.
    cursor: Option<String>,
    state: DriverState,
    /// The item behind losses that are told first.
    held: Option<HeldItem>,
    /// Set from a cut until the next item, or until a cut of a stream that was open for a while.
    outage: Option<Outage>,
}

/// What the driver waits for.
#[expect(clippy::large_enum_variant, reason = "the driver is boxed, and reads nearly all the time")]
enum DriverState {
    /// The next message of the accepted stream.
    Reading(MessageReader),
    /// The time of the next attempt to open the stream.
    Pausing(Pin<Box<Sleep>>),
    /// The answer to the call that opens the stream again.
    Opening(BoxFuture<Opened>),
    Ended,
}

/// What a stream yields.
pub(crate) enum StreamEvent {
    Item(ItemText),
    /// Items are lost. The stream goes on.
    Gap,
    /// The server has dropped this many items. The stream goes on.
    Lagged(u64),
    /// The server has answered the call with this error.
    Error(ErrorObject),
    /// The server has refused to open the stream again, by an error about the whole request.
    RequestError(ErrorObject),
    /// The server has ended the stream, or refused to open it again, by what is no error of the call.
    Refused(Failure),
    /// The stream was cut, and is not opened again.
    Cut(Failure),
}

/// The JSON text of an item, in the message around it.
pub(crate) struct ItemText {
    message: Bytes,
    result: Range<usize>,
}

struct HeldItem {
    text: ItemText,
    cursor: Option<Range<usize>>,
    lagged: u64,
    gap: bool,
}

impl StreamDriver {
    /// Makes the driver of a stream that was accepted, or of an empty one. `cursor` is the one after which the stream
    /// begins.
    pub(crate) fn new(opener: StreamOpener, cursor: Option<String>, accepted: Option<AcceptedStream>) -> Self {
        let max_bytes = opener.engine.settings.max_response_bytes;
        let reader = accepted.map(|stream| MessageReader::new(stream, max_bytes));
        let state = reader.map_or(DriverState::Ended, DriverState::Reading);
        Self { opener, cursor, state, held: None, outage: None }
    }

    /// Returns the cursor of the last item that was yielded, as JSON text.
    pub(crate) fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    pub(crate) fn method(&self) -> &str {
        &self.opener.method.name
    }

    /// Polls for the next event. `None` is the end of the stream.
    pub(crate) fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<StreamEvent>> {
        loop {
            if let Some(event) = self.next_held() {
                return Poll::Ready(Some(event));
            }
            let event = match &mut self.state {
                DriverState::Reading(reader) => match ready!(reader.poll_message(cx)) {
                    Ok(message) => self.take_message(&message, cx),
                    Err(failure) => self.cut(failure, Cut::Failed),
                },
                DriverState::Pausing(pause) => {
                    ready!(pause.as_mut().poll(cx));
                    self.open();
                    None
                }
                DriverState::Opening(opening) => {
                    let opened = ready!(opening.as_mut().poll(cx));
                    self.take_opened(opened)
                }
                DriverState::Ended => return Poll::Ready(None),
            };
            if event.is_some() {
                return Poll::Ready(event);
            }
        }
    }

    /// Returns the losses before the held item one by one, and then the item. Its cursor counts from then on.
    #[inline]
    fn next_held(&mut self) -> Option<StreamEvent> {
        let held = self.held.as_mut()?;
        if std::mem::take(&mut held.gap) {
            return Some(StreamEvent::Gap);
        }
        match std::mem::take(&mut held.lagged) {
            0 => {}
            lagged => return Some(StreamEvent::Lagged(lagged)),
        }
        let HeldItem { text, cursor, .. } = self.held.take()?;
        if let Some(cursor) = cursor.and_then(|cursor| std::str::from_utf8(&text.message[cursor]).ok()) {
            let last = self.cursor.get_or_insert_default();
            last.clear();
            last.push_str(cursor);
        }
        if let Some(outage) = &mut self.outage {
            outage.note_item();
        }
        Some(StreamEvent::Item(text))
    }

    fn take_message(&mut self, message: &Bytes, cx: &mut Context<'_>) -> Option<StreamEvent> {
        let DriverState::Reading(reader) = &self.state else { return None };
        let Ok(text) = std::str::from_utf8(message) else {
            return self.violated("a message of the stream is not UTF-8", message);
        };
        match read_stream_message(text) {
            Ok(ReceivedMessage::Item(item)) if reader.is_of_stream(Some(item.subscription)) => {
                self.held = Some(HeldItem::new(message, text, item));
                None
            }
            Ok(ReceivedMessage::Answer(reply)) if reader.is_of_stream(reply.id) => self.take_answer(reply, message, cx),
            Ok(ReceivedMessage::Item(_)) => self.violated("an item has another stream's id", message),
            Ok(ReceivedMessage::Answer(_)) => self.violated("it has another call's id", message),
            Ok(ReceivedMessage::Accepted(_) | ReceivedMessage::Other) => None,
            Err(why) => {
                let failure = Failure::with_source(FailureKind::Protocol("a message of the stream is invalid"), why);
                self.cut(failure.with_body(message), Cut::Failed)
            }
        }
    }

    /// Ends the stream by the answer to its call, or opens it again if the answer asks for that.
    fn take_answer(&mut self, reply: Reply<'_>, message: &Bytes, cx: &mut Context<'_>) -> Option<StreamEvent> {
        let check = VersionCheck::of(self.opener.engine.settings.strict_version);
        let event = match check.outcome(reply) {
            Ok(Ok("null")) => None,
            Ok(Ok(_)) => {
                let failure = Failure::protocol("the result that ends the stream is not null");
                Some(StreamEvent::Refused(failure.with_body(message)))
            }
            Ok(Err(error)) if self.may_reopen() && Cut::by_error(&error) == Cut::Draining => {
                return self.cut(Failure::new(FailureKind::Server(error)), Cut::Draining);
            }
            Ok(Err(error)) => Some(StreamEvent::Error(error)),
            Err(InvalidResponse::ForeignError(error)) => {
                Some(StreamEvent::Refused(Failure::new(FailureKind::ForeignError(error))))
            }
            Err(InvalidResponse::Malformed(why)) => return self.violated(why, message),
        };
        if let DriverState::Reading(reader) = std::mem::replace(&mut self.state, DriverState::Ended) {
            reader.finish(cx);
        }
        event
    }

    fn may_reopen(&self) -> bool {
        self.opener.reopen != Reopen::Never
    }

    /// Handles a message that no stream may have. What follows it cannot be trusted.
    fn violated(&mut self, why: &'static str, message: &[u8]) -> Option<StreamEvent> {
        self.cut(Failure::protocol(why).with_body(message), Cut::Failed)
    }

    /// Handles the failure of a stream, or of an attempt to open it again. Returns the last event if the client gives
    /// up.
    fn cut(&mut self, failure: Failure, cut: Cut) -> Option<StreamEvent> {
        // This closes the response before a new one is asked for.
        self.state = DriverState::Ended;
        let (opener, now) = (&self.opener, Instant::now());
        // An item that is too large would come again.
        if !self.may_reopen() || failure.is_too_large() {
            return Some(StreamEvent::Cut(failure));
        }
        let engine = &opener.engine;
        let policy = opener.retry.as_deref().or_else(|| engine.method_retry(&opener.method.name));
        let retry = policy.unwrap_or(&engine.settings.retry);
        self.outage.take_if(|outage| outage.is_over(now));
        let outage = self.outage.get_or_insert_with(|| Outage::begin(now));
        match outage.next_delay(retry, opener.reopen_limit, cut, rand::random()) {
            None => return Some(StreamEvent::Cut(failure)),
            Some(delay) if delay.is_zero() => self.open(),
            Some(delay) => self.state = DriverState::Pausing(Box::pin(sleep(delay))),
        }
        None
    }

    /// Calls the method again, within the time that the outage leaves.
    fn open(&mut self) {
        let left = self.outage.as_ref().map(|outage| outage.time_left(self.opener.reopen_limit));
        self.state = DriverState::Opening(self.opener.open(self.cursor.as_deref(), left));
    }

    /// Handles the answer to an attempt to open the stream again.
    fn take_opened(&mut self, opened: Opened) -> Option<StreamEvent> {
        self.state = DriverState::Ended;
        match opened {
            Opened::Accepted(stream) => {
                if let Some(outage) = &mut self.outage {
                    outage.accept(Instant::now());
                }
                let max_bytes = self.opener.engine.settings.max_response_bytes;
                self.state = DriverState::Reading(MessageReader::new(stream, max_bytes));
                (self.opener.reopen == Reopen::FromNow).then_some(StreamEvent::Gap)
            }
            // The stream has ended meanwhile, and what it sent before is lost.
            Opened::Empty => (self.opener.reopen == Reopen::FromNow).then_some(StreamEvent::Gap),
            Opened::Error(error) | Opened::RequestError(error) if may_change(&error) => {
                let cut = Cut::by_error(&error);
                self.cut(Failure::new(FailureKind::Server(error)), cut)
            }
            Opened::Error(error) => Some(StreamEvent::Error(error)),
            Opened::RequestError(error) => Some(StreamEvent::RequestError(error)),
            Opened::Failed(failure) if is_hopeless(&failure) => Some(StreamEvent::Refused(failure)),
            Opened::Failed(failure) => self.cut(failure, Cut::Failed),
        }
    }
}

/// Returns whether another server, or the same one later, may accept a call that was answered with this error.
fn may_change(error: &ErrorObject) -> bool {
    Cut::by_error(error) == Cut::Draining || error.meaning().retry != RetryRule::Never
}

impl HeldItem {
    #[inline]
    fn new(message: &Bytes, text: &str, item: ReceivedItem<'_>) -> Self {
        let place = |part: &str| {
            let start = part.as_ptr().addr() - text.as_ptr().addr();
            start..start + part.len()
        };
        let ReceivedItem { cursor, lagged, gap, result, .. } = item;
        let text = ItemText { message: message.clone(), result: place(result) };
        Self { text, cursor: cursor.map(place), lagged, gap }
    }
}

impl ItemText {
    /// Returns the JSON text, as bytes that are UTF-8.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.message[self.result.clone()]
    }
}
