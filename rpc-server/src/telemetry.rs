//! Watches calls: their spans, how long they take, and what is logged of them.

mod span;
mod watch;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use foldhash::fast::FixedState;
use metrics::{Key, Label};
use rpc_core::{ErrorCode, Packet, RequestContext, Telemetry, TraceContext};

use crate::fault::{Cause, Fault};
use crate::meter::{CALL_DURATION, Meter};
use crate::table::{OTHER, Table};
use crate::throttle::Throttle;
use watch::{Call, record};
pub(crate) use watch::{Watching, entered, watched};

/// What a server is told about telemetry while it is built.
pub(crate) type Settings = Option<Telemetry>;

/// Watches the calls of a server, if it is told to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Observer {
    observing: Option<Arc<Observing>>,
    meter: Meter,
}

/// What the calls share that are watched.
#[derive(Debug)]
struct Observing {
    telemetry: Telemetry,
    meter: Meter,
    /// The methods by their names, aliases included. Names from the wire are only looked up.
    by_name: HashMap<Cow<'static, str>, usize, FixedState>,
    known: Vec<Known>,
    /// Stands for all methods that there are not.
    other: Known,
}

/// A method by whose name calls may be told apart. Anybody can make up others, and each would be kept for good.
#[derive(Debug)]
struct Known {
    name: Cow<'static, str>,
    /// What a success is recorded under.
    key: Key,
    logs: Logs,
}

/// Bounds what the calls of a method make the server log, each kind of line by itself.
#[derive(Debug)]
struct Logs {
    slow: Throttle,
    broken: Throttle,
    refused: Throttle,
    answered: Throttle,
}

impl Logs {
    fn new(per_second: u32) -> Self {
        let throttle = || Throttle::with(per_second);
        Self { slow: throttle(), broken: throttle(), refused: throttle(), answered: throttle() }
    }
}

/// How many lines of a kind a method is good for in a second. All unknown methods together are good for one.
const LINES_PER_SECOND: u32 = 10;

impl Known {
    fn new(name: Cow<'static, str>) -> Self {
        let labels =
            vec![Label::from_static_parts("rpc.system.name", "jsonrpc"), Label::new("rpc.method", name.clone())];
        let logs = Logs::new(if name == OTHER { 1 } else { LINES_PER_SECOND });
        Self { name, key: Key::from_parts(CALL_DURATION, labels), logs }
    }
}

impl Observer {
    /// Watches the calls of a table's methods.
    pub(crate) fn new(settings: Settings, table: &Table) -> Self {
        let Some(telemetry) = settings else { return Self::default() };
        let meter = Meter::new(telemetry.metrics);
        let (mut by_name, mut known) = (HashMap::with_hasher(FixedState::default()), Vec::new());
        for method in table.methods() {
            by_name.insert(method.name.clone(), known.len());
            by_name.extend(method.aliases.iter().map(|alias| (Cow::Borrowed(*alias), known.len())));
            known.push(Known::new(method.name.clone()));
        }
        let other = Known::new(Cow::Borrowed(OTHER));
        Self { observing: Some(Arc::new(Observing { telemetry, meter, by_name, known, other })), meter }
    }

    pub(crate) fn meter(&self) -> Meter {
        self.meter
    }

    /// Watches the calls of a request.
    #[inline]
    pub(crate) fn of_request(&self, request: &RequestContext) -> OfRequest {
        self.observing.as_ref().map(|observing| Box::new(Incoming::new(observing, request)))
    }

    /// Counts the calls of a request that was refused as a whole: since as many run as may, or because of who calls.
    #[cold]
    pub(crate) fn refused(&self, packet: &Packet<'_>, code: ErrorCode) {
        let Some(observing) = self.observing.as_ref().filter(|observing| observing.telemetry.metrics) else { return };
        let messages = match packet {
            Packet::Single(message) => std::slice::from_ref(message),
            Packet::Batch(messages) => messages,
        };
        if code == ErrorCode::OVERLOADED {
            self.meter.shed("calls", messages.len());
        }
        let refused = Fault { code, cause: Cause::Refused };
        for message in messages {
            let known = observing.known(Call::of(observing, message).known);
            record(known, Duration::ZERO, Poll::Ready(Err(refused)));
        }
    }
}

/// What is known of the request whose calls are watched, if they are.
pub(crate) type OfRequest = Option<Box<Incoming>>;

/// A request whose calls are watched.
#[derive(Debug)]
pub(crate) struct Incoming {
    observing: Arc<Observing>,
    /// The caller's place in its trace.
    caller: Option<TraceContext>,
}

impl Incoming {
    #[cold]
    fn new(observing: &Arc<Observing>, request: &RequestContext) -> Self {
        let telemetry = &observing.telemetry;
        let reads = telemetry.continue_traces && telemetry.propagator().is_none();
        let caller = if reads { TraceContext::from_headers(&request.headers) } else { None };
        Self { observing: Arc::clone(observing), caller }
    }

    /// Returns the place that a call of the request has in a trace, if the framework sees to that.
    fn trace(&self, request: &RequestContext) -> Option<TraceContext> {
        let telemetry = &self.observing.telemetry;
        match &self.caller {
            _ if telemetry.propagator().is_some() => None,
            // Where there is no span of ours, what is called from here is the caller's child.
            caller if !telemetry.spans => caller.clone(),
            Some(caller) => Some(caller.child()),
            None if telemetry.continue_traces => Some(TraceContext::new().with_baggage_of(&request.headers)),
            None => Some(TraceContext::new()),
        }
    }
}

impl Observing {
    fn known(&self, index: Option<usize>) -> &Known {
        index.map_or(&self.other, |index| &self.known[index])
    }
}
