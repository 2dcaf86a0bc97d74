//! From bytes to an answer. Nothing here performs I/O; the only clock is the one that bounds handlers.

mod answers;
mod batch;
mod detach;
mod execution;
mod run;
mod slice;
mod time;
mod watched;
mod written;

use std::future::poll_fn;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use rpc_core::codec::{self, Output, ParseLimits};
use rpc_core::contain::contain;
use rpc_core::headers::{Announcement, RPC_IDEMPOTENCY};
use rpc_core::{AnswerStatus, ErrorCode, ErrorObject, IdRef, Message, Packet, RequestContext};

use crate::Limits;
use crate::auth::{self, Access, Unauthenticated};
use crate::fault::{Fault, expired, of_calls, overloaded, withheld};
use crate::idempotency::{self, Broken, Idempotency, KeyHeaders, RequestKeys};
use crate::load::{CallRoom, ConnectionLoad, Full, Room};
use crate::quota::Exhausted;
use crate::table::Table;
use crate::telemetry::{Observer, OfRequest};
pub(crate) use detach::{Counted, InFlight};
use execution::{Begun, Execution};
pub(crate) use written::{NO, Written, whole_error};

#[derive(Debug)]
pub(crate) struct Dispatcher {
    pub(crate) table: Table,
    pub(crate) limits: Limits,
    parse_limits: ParseLimits,
    pub(crate) in_flight: Arc<InFlight>,
    access: Access,
    pub(crate) idempotency: Option<Arc<Idempotency>>,
    pub(crate) observer: Observer,
}

/// What the messages of one request share while they run.
struct Work<'a> {
    dispatcher: &'a Dispatcher,
    body: &'a Bytes,
    request: &'a Arc<RequestContext>,
    /// Nearly no request has any.
    keys: Option<Box<RequestKeys>>,
    room: CallRoom<'a>,
    /// Whether there was no room, so that no handler may begin. Then there are keys.
    is_full: bool,
    /// Whether there is one message, and not a batch.
    single: bool,
    /// Is there where calls are watched.
    observed: OfRequest,
}

impl Work<'_> {
    /// Returns how long the caller still waits, if it says so.
    #[inline]
    fn left(&self) -> Option<Duration> {
        self.request.deadline().map(|deadline| deadline.saturating_duration_since(self.request.now()))
    }

    /// Cancels the request, whose client has left, unless the client may come again for the answers, which are kept under
    /// keys: then it has only given up an attempt, and what still runs is told at its deadline.
    #[cold]
    fn leave(&self) {
        let may_come_again = self.keys.is_some() && self.left().is_some_and(|left| !left.is_zero());
        if !may_come_again || self.dispatcher.in_flight.is_ending() {
            self.request.cancel();
        }
    }
}

impl Dispatcher {
    pub(crate) fn new(
        table: Table,
        mut limits: Limits,
        in_flight: Arc<InFlight>,
        access: Access,
        idempotency: Option<Arc<Idempotency>>,
        observer: Observer,
    ) -> Self {
        // A batch takes room for all that it runs at a time. One that is wider than there is room would never run.
        limits.max_batch_concurrency = limits.max_batch_concurrency.clamp(1, limits.connection_calls());
        let parse_limits = limits.of_parsing();
        Self { table, limits, parse_limits, in_flight, access, idempotency, observer }
    }

    /// Answers a message, which came by the connection of this load. Where room is reserved for the answer, it is
    /// handed on with it.
    pub(crate) async fn dispatch(
        &self,
        body: &Bytes,
        request: &Arc<RequestContext>,
        key_headers: KeyHeaders,
        load: &Arc<ConnectionLoad>,
        reserved: Option<Room>,
    ) -> Written {
        let has_keys = key_headers == KeyHeaders::Present;
        let packet = match codec::parse(body, &self.parse_limits) {
            Ok(packet) => packet,
            Err(error) => return whole_error(IdRef::NULL, &error.to_error_object()).refused(),
        };
        let (calls, id) = match &packet {
            Packet::Single(Message::Call(id, _)) => (1, *id),
            Packet::Single(_) => (1, IdRef::NULL),
            Packet::Batch(entries) => (entries.len().min(self.limits.max_batch_concurrency), IdRef::NULL),
        };
        let room = CallRoom::take(&self.in_flight.room, load, calls);
        // Held until the end.
        let spare = room.is_err().then(|| self.in_flight.spare.take(usize::from(has_keys)));
        if let Err(full) = room
            && (matches!(spare, Some(Err(Exhausted))) || !has_keys || full == Full::Connection)
        {
            return self.shed(&packet, id, full);
        }
        if let Some(authenticate) = &self.access.authenticate
            && let Err(refused) = self.access.authenticate(&**authenticate, request, self.limits.handler_timeout).await
        {
            return self.turn_away(&refused, &packet, id);
        }
        let keys = match has_keys.then(|| self.keys(request, &packet, id)).transpose() {
            Ok(keys) => keys.flatten(),
            Err(broken) => return *broken,
        };
        let (room, is_full) = match (room, &packet, &keys) {
            (Ok(room), _, _) => (room, false),
            // What is kept of an earlier call is given even then, since its caller would only come again.
            (Err(_), Packet::Single(_), Some(_)) => (CallRoom::nothing(&self.in_flight.room, load), true),
            (Err(full), _, _) => return self.shed(&packet, id, full),
        };
        let (single, observed) = (matches!(packet, Packet::Single(_)), self.observer.of_request(request));
        let work = Work { dispatcher: self, body, request, keys, room, is_full, single, observed };
        let mut answer = match &packet {
            Packet::Single(message) => {
                let mut single = Single::new(self);
                let result = poll_fn(|cx| single.poll(&work, message, cx)).await;
                let mut answer = single.answer(result, message, work.keys.as_deref());
                answer.room = reserved;
                answer
            }
            Packet::Batch(entries) => batch::run(&work, entries, reserved.unwrap_or_else(|| Room::new(load))).await,
        };
        if let Some(keys) = &work.keys {
            // The store is the user's, and may panic. Its answer is not lost with it.
            contain(|| answer.announce(keys));
        }
        if let Some(headers) = request.take_response_headers() {
            answer.add_headers(headers);
        }
        if let AnswerStatus::Refused(_, StatusCode::UNAUTHORIZED) = answer.status {
            return self.challenge(answer);
        }
        answer
    }

    /// Refuses calls for which there is no room.
    #[cold]
    fn shed(&self, packet: &Packet<'_>, id: IdRef<'_>, full: Full) -> Written {
        self.observer.refused(packet, ErrorCode::OVERLOADED);
        Written::overloaded(id, &of_calls(full))
    }

    /// Finds out who makes a request that brings no calls, and whether the caller has these roles where some are
    /// required. Otherwise answers in the place of what was asked for.
    #[cold]
    pub(crate) async fn admit(
        &self,
        request: &Arc<RequestContext>,
        roles: Option<&[&str]>,
    ) -> Result<(), Box<Written>> {
        // The spare room is for pages, too: metrics are read above all when a server is full.
        let room = self.in_flight.room.take(1).or_else(|_| self.in_flight.spare.take(1));
        let Ok(_room) = room else {
            self.observer.meter().shed("calls", 1);
            return Err(Box::new(Written::overloaded(IdRef::NULL, &overloaded())));
        };
        if let Some(authenticate) = &self.access.authenticate
            && let Err(refused) = self.access.authenticate(&**authenticate, request, self.limits.handler_timeout).await
        {
            return Err(Box::new(match refused {
                Unauthenticated::Denied(denied) => self.challenge(Written::denied(IdRef::NULL, &denied)),
                Unauthenticated::Expired => whole_error(IdRef::NULL, &expired()).refused(),
            }));
        }
        let Some(roles) = roles else { return Ok(()) };
        let lacks = |denial| Box::new(self.challenge(Written::lacking(denial, roles)));
        auth::has_all(request, roles).map_err(lacks)
    }

    /// Says which store of idempotency keys there is.
    #[cold]
    pub(crate) fn announce(&self) -> Written {
        // The store is the user's, and may panic.
        let announcement = self.idempotency.as_deref().and_then(|keeper| contain(|| keeper.announcement()));
        self.announcing(announcement)
    }

    /// Says to whom the keys of such a request belong, too. It is refused as one that brings calls would be.
    #[cold]
    pub(crate) async fn announce_with_scope(&self, request: &Arc<RequestContext>) -> Written {
        let Some(idempotency) = &self.idempotency else { return self.announce() };
        if let Err(refused) = self.admit(request, None).await {
            return *refused;
        }
        // The store is the user's, and may panic.
        let told = contain(|| {
            let scope = Some(idempotency::scope_tag(idempotency, request)?);
            Ok::<_, Broken>(Announcement { scope, ..idempotency.announcement() })
        });
        let Some(Ok(announcement)) = told else {
            // There are no calls of which to say that they did not run.
            let mut answer = whole_error(IdRef::NULL, &ErrorObject::internal());
            answer.status = AnswerStatus::Refused(ErrorCode::INTERNAL_ERROR, StatusCode::INTERNAL_SERVER_ERROR);
            return answer;
        };
        self.announcing(Some(announcement))
    }

    fn announcing(&self, announcement: Option<Announcement>) -> Written {
        let mut answer = Written::new(Vec::new(), AnswerStatus::Success);
        if let Some(announcement) = announcement {
            answer.header(RPC_IDEMPOTENCY, announcement.to_value());
            // The time passes, and the scope is that of one caller.
            answer.header(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        answer
    }

    /// Says of calls that were answered that there is no room to hold their answers. What no handler has seen is named as
    /// before.
    #[cold]
    pub(crate) fn withhold(&self, answer: &mut Written, body: &Bytes, full: Full) {
        // What cannot be parsed has an answer of a few bytes.
        let Ok(packet) = codec::parse(body, &self.parse_limits) else { return };
        answer.replace_with(&withheld(full), &packet);
    }

    /// Answers a request whose calls are not looked at, since it is not known who makes it.
    #[cold]
    fn turn_away(&self, refused: &Unauthenticated, packet: &Packet<'_>, id: IdRef<'_>) -> Written {
        self.observer.refused(packet, refused.code());
        match refused {
            Unauthenticated::Denied(denied) => self.challenge(Written::denied(id, denied).to(packet)),
            Unauthenticated::Expired => {
                let mut answer = whole_error(id, &expired()).refused();
                answer.replace_with(&expired(), packet);
                answer.to(packet)
            }
        }
    }

    /// Tells those who are not known how they can say who they are.
    #[cold]
    fn challenge(&self, mut answer: Written) -> Written {
        if let AnswerStatus::Refused(_, StatusCode::UNAUTHORIZED) = answer.status {
            answer.header(WWW_AUTHENTICATE, self.access.challenge());
        }
        answer
    }

    /// Reads the idempotency keys of a request, or answers in its place.
    #[cold]
    fn keys(
        &self,
        request: &RequestContext,
        packet: &Packet<'_>,
        id: IdRef<'_>,
    ) -> Result<Option<Box<RequestKeys>>, Box<Written>> {
        let read = contain(|| RequestKeys::read(self.idempotency.as_ref(), request, packet));
        let read = read.unwrap_or(Err(Broken::Panicked));
        read.map(|keys| keys.map(Box::new)).map_err(|broken| {
            self.observer.meter().key("refused");
            Box::new(Written::broken_keys(id, broken))
        })
    }
}

/// A message that is no batch, and the answer that is written to it.
struct Single<'a> {
    waiting: Option<Execution<'a>>,
    output: Output,
}

impl<'a> Single<'a> {
    fn new(dispatcher: &Dispatcher) -> Self {
        Self { waiting: None, output: Output::new(dispatcher.limits.max_response_bytes) }
    }

    #[inline]
    fn poll(&mut self, work: &'a Work<'a>, message: &Message<'a>, cx: &mut TaskContext<'_>) -> Executed {
        if let Some(execution) = &mut self.waiting {
            return execution.poll(cx, &mut self.output);
        }
        match Execution::begin_watched(work, message, work.left(), &mut None, cx, &mut self.output) {
            Begun::Done(result) => Poll::Ready(result),
            Begun::Waiting(execution) => {
                self.waiting = Some(execution);
                Poll::Pending
            }
        }
    }

    #[inline]
    fn answer(self, result: Result<(), Fault>, message: &Message<'_>, keys: Option<&RequestKeys>) -> Written {
        let body = self.output.into_bytes();
        match result {
            Ok(()) => Written::new(body, AnswerStatus::Success),
            Err(fault) => {
                // The client of a notification is not to learn of its errors.
                let answered = !matches!(message, Message::Notification(_));
                let status = if answered { AnswerStatus::Error(fault.code) } else { AnswerStatus::Success };
                Written::new(body, status).with_advice(fault, keys)
            }
        }
    }
}

/// What executing one message comes to.
pub(crate) type Executed = Poll<Result<(), Fault>>;
