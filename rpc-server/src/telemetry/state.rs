//! The state that all watched calls share: settings, metrics, and an index of methods by name. [`MessageFacts`]
//! extracts from a message what telemetry records. `call` uses both. Names from the wire are only looked up, so that
//! callers cannot create metric labels.

use std::borrow::Cow;
use std::collections::HashMap;

use foldhash::fast::FixedState;
use rpc_core::{IdRef, Message, Telemetry};

use super::method::MethodTelemetry;
use crate::meter::Meter;
use crate::table::{MethodTable, OTHER};

/// The state that all watched calls share.
#[derive(Debug)]
pub(super) struct TelemetryState {
    pub(super) telemetry: Telemetry,
    pub(super) meter: Meter,
    /// The methods by their names, aliases included. Names from the wire are only looked up.
    by_name: HashMap<Cow<'static, str>, usize, FixedState>,
    pub(super) known: Vec<MethodTelemetry>,
    /// The entry for all unknown methods.
    other: MethodTelemetry,
}

impl TelemetryState {
    pub(super) fn new(telemetry: Telemetry, table: &MethodTable) -> Self {
        let meter = Meter::new(telemetry.metrics);
        let (mut by_name, mut known) = (HashMap::with_hasher(FixedState::default()), Vec::new());
        for method in table.methods() {
            by_name.insert(method.name.clone(), known.len());
            by_name.extend(method.aliases.iter().map(|alias| (Cow::Borrowed(*alias), known.len())));
            known.push(MethodTelemetry::new(method.name.clone()));
        }
        Self { telemetry, meter, by_name, known, other: MethodTelemetry::new(Cow::Borrowed(OTHER)) }
    }

    /// Returns a known method, or the entry for all unknown ones.
    pub(super) fn known(&self, index: Option<usize>) -> &MethodTelemetry {
        index.map_or(&self.other, |index| &self.known[index])
    }
}

/// What telemetry reads from a message.
pub(super) struct MessageFacts<'a> {
    /// The index of the method, if it is known.
    pub(super) known: Option<usize>,
    /// The name in the message, if the method is unknown.
    pub(super) original: Option<&'a str>,
    pub(super) id: Option<IdRef<'a>>,
    pub(super) params: Option<&'a str>,
}

impl<'a> MessageFacts<'a> {
    pub(super) fn of(state: &TelemetryState, message: &'a Message<'_>) -> Self {
        let (id, call) = match message {
            Message::Call(id, call) => (Some(*id), call),
            Message::Notification(call) => (None, call),
            Message::Invalid(invalid) => {
                return Self { known: None, original: None, id: Some(invalid.id), params: None };
            }
        };
        let known = state.by_name.get(&*call.method).copied();
        Self { known, original: known.is_none().then_some(&*call.method), id, params: call.params }
    }
}
