//! From the bytes of a request to the bytes of its answer. [`Dispatcher`] parses the message, admits its calls,
//! authenticates the caller and reads idempotency keys. Then `single` or `batch` runs the messages through `execution`,
//! and `written_answer` holds the answer. Dispatch performs no I/O of its own. It knows headers and status codes, but
//! neither hyper nor axum.

mod batch;
mod batch_answers;
mod execution;
mod single;
mod time_slice;
mod watched;
mod work;
mod written_answer;

use std::future::poll_fn;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use rpc_core::codec::{self, Output, ParseLimits};
use rpc_core::contain::contain;
use rpc_core::headers::{RPC_IDEMPOTENCY, StoreAnnouncement};
use rpc_core::{AnswerStatus, ErrorCode, ErrorObject, IdRef, Message, Packet, RequestContext};

use crate::Limits;
use crate::auth::{self, AccessControl, Unauthenticated};
use crate::call::RequestShape;
use crate::fault::{expired, of_calls, overloaded, withheld};
use crate::idempotency::{self, Idempotency, KeyHeaders, RequestKeys, RequestKeysError};
use crate::in_flight::{Admission, InFlight};
use crate::load::{ByteRoom, CapacityError, ConnectionLoad};
use crate::table::MethodTable;
use crate::telemetry::Observer;
use work::RequestWork;
pub(crate) use written_answer::{NO, WrittenAnswer, whole_error};

#[derive(Debug)]
pub(crate) struct Dispatcher {
    pub(crate) table: MethodTable,
    pub(crate) limits: Limits,
    parse_limits: ParseLimits,
    pub(crate) in_flight: Arc<InFlight>,
    access: AccessControl,
    pub(crate) idempotency: Option<Arc<Idempotency>>,
    pub(crate) observer: Observer,
}

impl Dispatcher {
    pub(crate) fn new(
        table: MethodTable,
        mut limits: Limits,
        in_flight: Arc<InFlight>,
        access: AccessControl,
        idempotency: Option<Arc<Idempotency>>,
        observer: Observer,
    ) -> Self {
        // A batch reserves room for all entries that run at a time. A batch wider than the whole room would never run.
        limits.max_batch_concurrency = limits.max_batch_concurrency.clamp(1, limits.connection_calls());
        let parse_limits = limits.of_parsing();
        Self { table, limits, parse_limits, in_flight, access, idempotency, observer }
    }

    /// Answers a message. `load` belongs to its connection. Room that was reserved for the answer is returned with it.
    pub(crate) async fn dispatch(
        &self,
        body: &Bytes,
        request: &Arc<RequestContext>,
        key_headers: KeyHeaders,
        load: &Arc<ConnectionLoad>,
        reserved: Option<ByteRoom>,
    ) -> WrittenAnswer {
        let parsed = codec::parse(body, &self.parse_limits);
        let packet = match &parsed {
            Ok(packet) => packet,
            Err(error) => return whole_error(IdRef::NULL, &error.to_error_object()).refused(),
        };
        let (calls, shape) = match packet {
            Packet::Single(_) => (1, RequestShape::Single),
            Packet::Batch(entries) => (entries.len().min(self.limits.max_batch_concurrency), RequestShape::Entry),
        };
        let admission = match self.in_flight.admit(load, calls) {
            Ok(room) => Admission::Room(room),
            Err(full) => {
                let has_keys = key_headers == KeyHeaders::Present;
                match has_keys.then(|| self.in_flight.admit_kept_only(load, full)).flatten() {
                    Some(kept_only) => kept_only,
                    None => return self.shed(packet, full),
                }
            }
        };
        if let Some(authenticate) = &self.access.authenticate
            && !request.is_authenticated()
            && let Err(refused) = self.access.authenticate(&**authenticate, request, self.limits.handler_timeout).await
        {
            return self.turn_away(&refused, packet);
        }
        let keys = match key_headers {
            KeyHeaders::Absent => None,
            KeyHeaders::Present => match self.keys(request, packet, &admission) {
                Ok(keys) => keys,
                Err(answer) => return *answer,
            },
        };
        let work = RequestWork {
            table: &self.table,
            limits: &self.limits,
            in_flight: &self.in_flight,
            body,
            request,
            keys,
            admission: &admission,
            load,
            shape,
            observed: self.observer.of_request(request),
        };
        let mut answer = match packet {
            Packet::Single(message) => {
                // Two variables, since a struct of both would be copied together with the space for an execution, which
                // rarely waits.
                let mut waiting = None;
                let mut output = Output::new(self.limits.max_response_bytes);
                let result = poll_fn(|cx| single::poll(&mut waiting, &mut output, &work, message, cx)).await;
                let mut answer = single::answer(output.into_bytes(), result, message, work.keys.as_deref());
                answer.room = reserved;
                answer
            }
            Packet::Batch(entries) => batch::run(&work, entries, reserved.unwrap_or_else(|| ByteRoom::new(load))).await,
        };
        self.finish(&mut answer, request, work.keys.as_deref());
        answer
    }

    /// Adds the headers that concern the request as a whole.
    #[inline]
    fn finish(&self, answer: &mut WrittenAnswer, request: &RequestContext, keys: Option<&RequestKeys>) {
        if let Some(keys) = keys {
            // The store is user code and may panic. The answer must not be lost with it.
            contain(|| answer.announce(keys));
        }
        if let Some(headers) = request.take_response_headers() {
            answer.add_headers(headers);
        }
        // A layer may have answered in the place of a handler that had opened a stream.
        answer.stream = request.take_stream().filter(|_| is_acceptance(answer)).map(Box::new);
        self.challenge(answer);
    }

    /// Refuses calls for which there is no room.
    #[cold]
    fn shed(&self, packet: &Packet<'_>, full: CapacityError) -> WrittenAnswer {
        self.observer.refused(packet, ErrorCode::OVERLOADED);
        WrittenAnswer::overloaded(id_of(packet), &of_calls(full))
    }

    /// Authenticates the caller of a request without calls, and checks the required roles, if any. Returns the refusal
    /// of a caller that is not admitted.
    #[cold]
    pub(crate) async fn admit(
        &self,
        request: &Arc<RequestContext>,
        roles: Option<&[&str]>,
    ) -> Result<(), Box<WrittenAnswer>> {
        let Ok(_room) = self.in_flight.admit_page() else {
            self.observer.meter().shed("calls", 1);
            return Err(Box::new(WrittenAnswer::overloaded(IdRef::NULL, &overloaded())));
        };
        if let Some(authenticate) = &self.access.authenticate
            && !request.is_authenticated()
            && let Err(refused) = self.access.authenticate(&**authenticate, request, self.limits.handler_timeout).await
        {
            return Err(Box::new(match refused {
                Unauthenticated::Denied(denied) => self.challenging(WrittenAnswer::denied(IdRef::NULL, &denied)),
                Unauthenticated::Expired => whole_error(IdRef::NULL, &expired()).refused(),
            }));
        }
        let Some(roles) = roles else { return Ok(()) };
        let lacks = |denial| Box::new(self.challenging(WrittenAnswer::lacking(denial, roles)));
        auth::has_all(request, roles).map_err(lacks)
    }

    /// Announces the store of idempotency keys.
    #[cold]
    pub(crate) fn announce(&self) -> WrittenAnswer {
        // The store is user code and may panic.
        let announcement = self.idempotency.as_deref().and_then(|keeper| contain(|| keeper.announcement()));
        self.announcing(announcement)
    }

    /// Announces the store and the owner of the request's keys. Refuses callers as for a request with calls.
    #[cold]
    pub(crate) async fn announce_with_scope(&self, request: &Arc<RequestContext>) -> WrittenAnswer {
        let Some(idempotency) = &self.idempotency else { return self.announce() };
        if let Err(refused) = self.admit(request, None).await {
            return *refused;
        }
        // The store is user code and may panic.
        let told = contain(|| {
            let scope = Some(idempotency::scope_tag(idempotency, request)?);
            Ok::<_, RequestKeysError>(StoreAnnouncement { scope, ..idempotency.announcement() })
        });
        let Some(Ok(announcement)) = told else {
            // The request has no calls, so `Rpc-Refused` would mean nothing.
            let mut answer = whole_error(IdRef::NULL, &ErrorObject::internal());
            answer.status = AnswerStatus::Refused(ErrorCode::INTERNAL_ERROR, StatusCode::INTERNAL_SERVER_ERROR);
            return answer;
        };
        self.announcing(Some(announcement))
    }

    fn announcing(&self, announcement: Option<StoreAnnouncement>) -> WrittenAnswer {
        let mut answer = WrittenAnswer::new(Vec::new(), AnswerStatus::Success);
        if let Some(announcement) = announcement {
            answer.header(RPC_IDEMPOTENCY, announcement.to_value());
            // Not for caches: the time changes, and the scope is that of one caller.
            answer.header(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        }
        answer
    }

    /// Replaces an answer for which there is no room with errors. The headers still name the calls that no handler has
    /// seen.
    #[cold]
    pub(crate) fn withhold(&self, answer: &mut WrittenAnswer, body: &Bytes, full: CapacityError) {
        // A message that cannot be parsed has an answer of a few bytes, which is kept.
        let Ok(packet) = codec::parse(body, &self.parse_limits) else { return };
        answer.replace_with(&withheld(full), &packet);
    }

    /// Refuses a request because its caller could not be authenticated.
    #[cold]
    fn turn_away(&self, refused: &Unauthenticated, packet: &Packet<'_>) -> WrittenAnswer {
        let id = id_of(packet);
        self.observer.refused(packet, refused.code());
        match refused {
            Unauthenticated::Denied(denied) => self.challenging(WrittenAnswer::denied(id, denied).to(packet)),
            Unauthenticated::Expired => {
                let mut answer = whole_error(id, &expired()).refused();
                answer.replace_with(&expired(), packet);
                answer.to(packet)
            }
        }
    }

    /// Tells callers how to authenticate, if the answer is a 401.
    #[inline]
    fn challenge(&self, answer: &mut WrittenAnswer) {
        if let AnswerStatus::Refused(_, StatusCode::UNAUTHORIZED) = answer.status {
            answer.header(WWW_AUTHENTICATE, self.access.challenge());
        }
    }

    /// Returns the answer with this challenge.
    fn challenging(&self, mut answer: WrittenAnswer) -> WrittenAnswer {
        self.challenge(&mut answer);
        answer
    }

    /// Reads the idempotency keys of a request. Returns a refusal if they are invalid, or if there is only room for
    /// kept answers and no call can have one.
    #[cold]
    fn keys(
        &self,
        request: &RequestContext,
        packet: &Packet<'_>,
        admission: &Admission<'_>,
    ) -> Result<Option<Box<RequestKeys>>, Box<WrittenAnswer>> {
        let read = contain(|| RequestKeys::read(self.idempotency.as_ref(), request, packet));
        let read = read.unwrap_or(Err(RequestKeysError::Panicked));
        let keys = read.map_err(|broken| {
            self.observer.meter().key("refused");
            Box::new(WrittenAnswer::broken_keys(id_of(packet), broken))
        })?;
        let may_be_kept = matches!(packet, Packet::Single(_)) && keys.is_some();
        if matches!(admission, Admission::KeptOnly { .. }) && !may_be_kept {
            return Err(Box::new(self.shed(packet, CapacityError::Server)));
        }
        Ok(keys.map(Box::new))
    }
}

/// Returns whether the answer is the one by which a handler accepts its call as a stream: the result is null.
fn is_acceptance(answer: &WrittenAnswer) -> bool {
    answer.status == AnswerStatus::Success && answer.body.starts_with(br#"{"jsonrpc":"2.0","result":null,"#)
}

/// Returns the id for an answer that refuses all calls of a request at once.
fn id_of<'a>(packet: &Packet<'a>) -> IdRef<'a> {
    match packet {
        Packet::Single(Message::Call(id, _)) => *id,
        Packet::Single(_) | Packet::Batch(_) => IdRef::NULL,
    }
}
