//! [`ServerSession`]: the messages of one connection over which both sides send at any time. Each message takes the
//! path of any other request, through the backend of the server. Transports own the session and drive it.

mod announce;
mod calls;
mod control;
mod credit;
#[cfg(any(feature = "ipc", feature = "websocket"))]
mod driver;
mod opening;
mod ordered;
#[cfg(any(feature = "ipc", feature = "websocket"))]
mod peer_session;
mod ready_set;
mod salvage;
mod streams;
mod subscriptions;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::HeaderMap;
use rpc_core::codec::{self, Output, ParseLimits, Responder, write_rpc_member};
use rpc_core::contain::contain;
use rpc_core::{
    AnswerStream, ErrorCode, ErrorObject, IdRef, Message, Packet, RequestContext, Session, SessionEvent,
    SessionProtocol, StreamEnd,
};

use crate::dispatch::{WrittenAnswer, whole_error};
use crate::fault::{of_bytes, of_calls, of_streams, overloaded};
use crate::http::{Backend, HttpState};
use crate::load::{ByteRoom, CapacityError, ConnectionLoad};
use announce::is_announce;
use calls::{AnsweredCall, RunningCall, SessionServer};
use control::Control;
pub(crate) use control::ControlNames;
#[cfg(any(feature = "ipc", feature = "websocket"))]
pub(crate) use driver::{Driver, InputEnd, MessageFraming, Received, SessionEnd};
pub(crate) use opening::CallerCheck;
use opening::SessionOpening;
use ordered::{ORDERED_AT_A_TIME, OrderedNotification, OrderedQueue};
#[cfg(any(feature = "ipc", feature = "websocket"))]
pub(crate) use peer_session::PeerSession;
use ready_set::ReadySet;
use streams::SessionStreams;
use subscriptions::{OlderCall, Subscription, SubscriptionName};

/// A session of the server: its messages become calls of the server's own dispatch.
pub(crate) struct ServerSession {
    server: Arc<SessionServer>,
    opening: SessionOpening,
    protocol: SessionProtocol,
    /// Whether clients of the older form are told the error with which a stream ends.
    tells_errors: bool,
    /// The notifications by which the client controls its calls.
    controls: ControlNames,
    calls: ReadySet<RunningCall>,
    ordered: OrderedQueue,
    streams: SessionStreams,
    /// Messages that are written before those of streams.
    outgoing: VecDeque<OutgoingMessage>,
    is_draining: bool,
}

/// A message that waits to be written.
struct OutgoingMessage {
    text: Vec<u8>,
    _room: ByteRoom,
}

/// What opens a session.
pub(crate) struct SessionRequest {
    /// The request that opened the session.
    pub(crate) context: Arc<RequestContext>,
    pub(crate) protocol: SessionProtocol,
    pub(crate) check: CallerCheck,
}

impl ServerSession {
    pub(crate) fn new(http_state: &Arc<HttpState>, load: &Arc<ConnectionLoad>, request: &SessionRequest) -> Self {
        let parse_limits = match &http_state.backend {
            Backend::Own(_) => http_state.limits.of_parsing(),
            // The size of a message is limited already, and the `Dispatch` decides what else it accepts.
            Backend::Foreign(_) => {
                ParseLimits::default().max_entries(usize::MAX).max_id_bytes(usize::MAX).max_method_bytes(usize::MAX)
            }
        };
        Self {
            server: Arc::new(SessionServer {
                http_state: Arc::clone(http_state),
                load: Arc::clone(load),
                parse_limits,
            }),
            opening: SessionOpening::new(&request.context, request.check),
            protocol: request.protocol,
            tells_errors: false,
            controls: ControlNames::Own,
            calls: ReadySet::new(),
            ordered: OrderedQueue::default(),
            streams: SessionStreams::new(http_state.limits.max_response_bytes),
            outgoing: VecDeque::new(),
            is_draining: false,
        }
    }

    /// Tells clients of the older form the errors with which streams end, if `tells` is set.
    #[cfg_attr(not(feature = "websocket"), allow(dead_code, reason = "it is a setting of WebSockets"))]
    pub(crate) fn telling_errors(mut self, tells: bool) -> Self {
        self.tells_errors = tells;
        self
    }

    /// Sets the notifications by which the client controls its calls.
    #[cfg(feature = "ipc")]
    pub(crate) fn controlled_by(mut self, controls: ControlNames) -> Self {
        self.controls = controls;
        self
    }

    fn is_v1(&self) -> bool {
        self.protocol == SessionProtocol::RpcV1
    }

    fn receive_single(&mut self, body: &Bytes) {
        let server = Arc::clone(&self.server);
        match codec::parse(body, &server.parse_limits) {
            Ok(Packet::Single(Message::Notification(request))) => match self.controls.read(&request) {
                Some(control) if self.is_v1() => self.control(&control),
                _ if server.is_ordered(&request.method) => self.begin_in_order(body),
                _ => self.begin(body, None, None),
            },
            Ok(Packet::Single(Message::Call(id, request))) if self.is_v1() && is_announce(&request) => {
                self.announce(body, id);
            }
            Ok(Packet::Single(Message::Call(id, _))) if self.is_v1() => self.begin(body, Some(id), None),
            Ok(Packet::Single(Message::Call(id, request))) => {
                match OlderCall::read(&server.http_state.backend, id, &request) {
                    OlderCall::Plain => self.begin(body, Some(id), None),
                    OlderCall::Opens(name) => self.begin(body, Some(id), Some(name)),
                    OlderCall::OpensAs(name, message) => self.begin(&message, Some(id), Some(name)),
                    OlderCall::Ends(subscription) => {
                        let has_ended = subscription.is_some_and(|subscription| self.streams.close(&subscription));
                        self.answer_with(id, &has_ended);
                    }
                }
            }
            Ok(Packet::Single(Message::Invalid(_))) if codec::is_response(body) => ignore_response(),
            _ => self.begin(body, None, None),
        }
    }

    /// Starts a message, or refuses it.
    fn begin(&mut self, body: &Bytes, id: Option<IdRef<'_>>, subscription: Option<SubscriptionName>) {
        let Some((context, room)) = self.admit_or_refuse(body) else { return };
        let request = Arc::new(context);
        let running = Box::pin(Arc::clone(&self.server).answer(body.clone(), Arc::clone(&request), room));
        let id = id.map(|id| id.as_json().into());
        self.calls.insert(RunningCall { id, subscription, request, running });
    }

    /// Starts the call that asks for the announcement, or refuses it.
    fn announce(&mut self, body: &Bytes, id: IdRef<'_>) {
        let Some((context, room)) = self.admit_or_refuse(body) else { return };
        let (request, id) = (Arc::new(context), Box::<str>::from(id.as_json()));
        let running = Box::pin(Arc::clone(&self.server).announce(id.clone(), Arc::clone(&request), room));
        self.calls.insert(RunningCall { id: Some(id), subscription: None, request, running });
    }

    /// Starts an ordered notification, or queues it behind the one that runs, or refuses it.
    fn begin_in_order(&mut self, body: &Bytes) {
        let Some((context, room)) = self.admit_or_refuse(body) else { return };
        let notification = OrderedNotification { body: body.clone(), context: context.keeping_order(), room };
        if let Some(first) = self.ordered.push(notification) {
            self.start_in_order(first);
        }
    }

    fn start_in_order(&mut self, notification: OrderedNotification) {
        let OrderedNotification { body, context, room } = notification;
        let request = Arc::new(context);
        let running = Box::pin(Arc::clone(&self.server).answer(body, Arc::clone(&request), room));
        let key = self.calls.insert(RunningCall { id: None, subscription: None, request, running });
        self.ordered.note_begun(key);
    }

    fn admit_or_refuse(&mut self, body: &Bytes) -> Option<(RequestContext, ByteRoom)> {
        match self.admit(body) {
            Ok(admitted) => Some(admitted),
            Err(error) => {
                let answer = self.server.refuse(body, &error);
                self.send(answer, None);
                None
            }
        }
    }

    /// Takes room for a message and reads its headers. Fails with the error that refuses it.
    fn admit(&self, body: &Bytes) -> Result<(RequestContext, ByteRoom), ErrorObject> {
        let HttpState { limits, meter, .. } = &*self.server.http_state;
        if self.is_draining {
            return Err(overloaded());
        }
        let limit = limits.max_request_bytes;
        if body.len() > limit {
            let data = format!("a message may have at most {limit} bytes");
            return Err(ErrorObject::from(ErrorCode::REQUEST_TOO_LARGE).with_data(&data));
        }
        if self.calls.len() + self.ordered.waiting() >= limits.connection_calls() {
            meter.shed("calls", 1);
            return Err(of_calls(CapacityError::Connection));
        }
        let context = if self.is_v1() {
            self.opening.context_of(body).map_err(|reason| ErrorObject::invalid_request(&reason))?
        } else {
            self.opening.plain_context()
        };
        let mut room = ByteRoom::new(&self.server.load);
        room.add(body.len()).map_err(|full| {
            meter.shed("bytes", 1);
            of_bytes(full)
        })?;
        Ok((context, room))
    }

    fn control(&mut self, control: &Control<'_>) {
        match control {
            Control::Credit { subscription, bytes } => self.streams.give_credit(subscription, *bytes),
            Control::Cancel { id } => {
                let calls = self.calls.iter().filter(|(_, call)| call.id.as_deref() == Some(id));
                calls.for_each(|(_, call)| call.request.cancel());
                self.give_up(id);
            }
            Control::GiveUp { id } => self.give_up(id),
            Control::Malformed => tracing::debug!("the params of a control notification are malformed"),
        }
    }

    /// Ends the stream with this id, and drops the calls with it.
    fn give_up(&mut self, id: &str) {
        let calls = self.calls.iter().filter(|(_, call)| call.id.as_deref() == Some(id));
        let calls: Vec<usize> = calls.map(|(key, _)| key).collect();
        let mut cancelled = usize::from(self.streams.close(id));
        for key in calls {
            let call = self.calls.remove(key);
            cancelled += usize::from(call.is_some());
            // Handlers of the user are dropped with it.
            contain(|| drop(call));
        }
        let id = IdRef::from_json(id).unwrap_or(IdRef::NULL);
        for _ in 0..cancelled {
            self.send_error(id, &StreamEnd::Cancelled.to_error_object());
        }
    }

    /// Runs the calls that are ready.
    fn run_calls(&mut self, cx: &mut Context<'_>) {
        if self.calls.is_empty() {
            return;
        }
        self.calls.register(cx);
        // A call that wakes itself gets its next turn in the next poll.
        let mut turns = self.calls.queued();
        let mut ordered_turns = ORDERED_AT_A_TIME;
        while turns > 0 {
            turns -= 1;
            let Some(key) = self.calls.next() else { return };
            if let Some(Poll::Ready(answered)) = self.calls.poll(key, |call, cx| call.running.as_mut().poll(cx))
                && let Some(call) = self.calls.remove(key)
            {
                self.finish(call, answered);
                if let Some(next) = self.ordered.next_after(key) {
                    self.start_in_order(next);
                    turns += usize::from(ordered_turns > 0);
                    ordered_turns = ordered_turns.saturating_sub(1);
                }
            }
        }
        if self.calls.queued() > 0 {
            cx.waker().wake_by_ref();
        }
    }

    /// Sends the answer to a call, or opens the stream with which it was answered.
    fn finish(&mut self, call: RunningCall, answered: AnsweredCall) {
        let AnsweredCall { mut answer, room } = answered;
        let (Some(stream), Some(id)) = (answer.stream.take(), call.id) else { return self.send(answer, Some(room)) };
        if let Err(error) = self.check_stream(&id) {
            contain(|| drop(stream));
            return self.send_error(IdRef::from_json(&id).unwrap_or(IdRef::NULL), &error);
        }
        match call.subscription {
            Some(name) => self.subscribe(&id, name, *stream),
            None => self.accept(id, *stream, answer.headers.as_deref()),
        }
    }

    /// Checks whether a stream may have this id.
    fn check_stream(&self, id: &str) -> Result<(), ErrorObject> {
        if self.is_draining {
            return Err(StreamEnd::Draining.to_error_object());
        }
        if self.streams.len() >= self.server.http_state.limits.connection_streams() {
            return Err(of_streams(CapacityError::Connection));
        }
        let is_taken =
            || self.streams.contains(id) || self.calls.iter().any(|(_, call)| call.id.as_deref() == Some(id));
        if self.is_v1() && is_taken() {
            return Err(ErrorObject::invalid_request("the id of a stream is that of another call in flight"));
        }
        Ok(())
    }

    fn accept(&mut self, id: Box<str>, stream: AnswerStream, headers: Option<&HeaderMap>) {
        let mut accepted = br#"{"jsonrpc":"2.0","method":"rpc.accepted","params":{"subscription":"#.to_vec();
        accepted.extend_from_slice(id.as_bytes());
        accepted.extend_from_slice(b"}}");
        if let Some(headers) = headers {
            write_rpc_member(&mut accepted, headers);
        }
        self.push(accepted, None);
        self.streams.open(id, stream);
    }

    fn subscribe(&mut self, id: &str, name: SubscriptionName, stream: AnswerStream) {
        let subscription = Subscription::new(name, id, self.tells_errors);
        let mut answer = br#"{"jsonrpc":"2.0","result":"#.to_vec();
        answer.extend_from_slice(subscription.id().as_bytes());
        answer.extend_from_slice(br#","id":"#);
        answer.extend_from_slice(id.as_bytes());
        answer.push(b'}');
        self.push(answer, None);
        self.streams.subscribe(subscription, stream);
    }

    fn answer_with(&mut self, id: IdRef<'_>, result: &bool) {
        let mut output = Output::new(usize::MAX);
        let _ = Responder::new(&mut output, Some(id)).result(result);
        self.push(output.into_bytes(), None);
    }

    fn send_error(&mut self, id: IdRef<'_>, error: &ErrorObject) {
        self.push(whole_error(id, error).body, None);
    }

    fn send(&mut self, answer: WrittenAnswer, room: Option<ByteRoom>) {
        let WrittenAnswer { body: mut text, headers, .. } = answer;
        if text.is_empty() {
            return;
        }
        if let Some(headers) = headers.filter(|_| self.is_v1()) {
            write_rpc_member(&mut text, &headers);
        }
        self.push(text, room);
    }

    fn push(&mut self, text: Vec<u8>, room: Option<ByteRoom>) {
        let mut room = room.unwrap_or_else(|| ByteRoom::new(&self.server.load));
        room.fit_up_to(text.len());
        self.outgoing.push_back(OutgoingMessage { text, _room: room });
    }
}

#[cold]
fn ignore_response() {
    tracing::debug!("a response was ignored: the server has sent no request on this session");
}

impl Session for ServerSession {
    fn receive(&mut self, message: Bytes) {
        if !message.trim_ascii_start().starts_with(b"[") {
            self.receive_single(&message);
        } else if codec::is_response(&message) {
            ignore_response();
        } else {
            self.begin(&message, None, None);
        }
    }

    fn poll_message(&mut self, cx: &mut Context<'_>, output: &mut Vec<u8>) -> Poll<SessionEvent> {
        self.run_calls(cx);
        if let Some(message) = self.outgoing.pop_front() {
            output.extend_from_slice(&message.text);
            if self.outgoing.is_empty() {
                // An idle session keeps no memory for messages.
                self.outgoing = VecDeque::new();
            }
            return Poll::Ready(SessionEvent::Message);
        }
        if self.is_draining && self.calls.is_empty() {
            return Poll::Ready(SessionEvent::Ended);
        }
        ready!(self.streams.poll_message(cx, output));
        Poll::Ready(SessionEvent::Message)
    }

    fn run(&mut self, cx: &mut Context<'_>) {
        self.run_calls(cx);
    }

    fn drain(&mut self) {
        if std::mem::replace(&mut self.is_draining, true) {
            return;
        }
        let Self { streams, outgoing, server, .. } = self;
        streams.close_all(&StreamEnd::Draining.to_error_object(), |text| {
            let mut room = ByteRoom::new(&server.load);
            room.fit_up_to(text.len());
            outgoing.push_back(OutgoingMessage { text, _room: room });
        });
    }
}

impl Drop for ServerSession {
    fn drop(&mut self) {
        // Handlers of the user are dropped with their calls.
        let calls = std::mem::replace(&mut self.calls, ReadySet::new());
        contain(|| drop(calls));
    }
}
