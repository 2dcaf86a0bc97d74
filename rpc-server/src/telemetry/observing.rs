//! The state that all watched calls share: settings, metrics, and an index of methods by name. [`Reading`] extracts
//! from a message what telemetry records. `watch` uses both. Names from the wire are only looked up, so that callers
//! cannot create metric labels.

use std::borrow::Cow;
use std::collections::HashMap;

use foldhash::fast::FixedState;
use rpc_core::{IdRef, Message, Telemetry};

use super::known::Known;
use crate::meter::Meter;
use crate::table::{OTHER, Table};

/// The state that all watched calls share.
#[derive(Debug)]
pub(super) struct Observing {
    pub(super) telemetry: Telemetry,
    pub(super) meter: Meter,
    /// The methods by their names, aliases included. Names from the wire are only looked up.
    by_name: HashMap<Cow<'static, str>, usize, FixedState>,
    pub(super) known: Vec<Known>,
    /// The entry for all unknown methods.
    other: Known,
}

impl Observing {
    pub(super) fn new(telemetry: Telemetry, table: &Table) -> Self {
        let meter = Meter::new(telemetry.metrics);
        let (mut by_name, mut known) = (HashMap::with_hasher(FixedState::default()), Vec::new());
        for method in table.methods() {
            by_name.insert(method.name.clone(), known.len());
            by_name.extend(method.aliases.iter().map(|alias| (Cow::Borrowed(*alias), known.len())));
            known.push(Known::new(method.name.clone()));
        }
        Self { telemetry, meter, by_name, known, other: Known::new(Cow::Borrowed(OTHER)) }
    }

    /// Returns a known method, or the entry for all unknown ones.
    pub(super) fn known(&self, index: Option<usize>) -> &Known {
        index.map_or(&self.other, |index| &self.known[index])
    }
}

/// What telemetry reads from a message.
pub(super) struct Reading<'a> {
    /// The index of the method, if it is known.
    pub(super) known: Option<usize>,
    /// The name in the message, if the method is unknown.
    pub(super) original: Option<&'a str>,
    pub(super) id: Option<IdRef<'a>>,
    pub(super) params: Option<&'a str>,
}

impl<'a> Reading<'a> {
    pub(super) fn of(observing: &Observing, message: &'a Message<'_>) -> Self {
        let (id, call) = match message {
            Message::Call(id, call) => (Some(*id), call),
            Message::Notification(call) => (None, call),
            Message::Invalid(invalid) => {
                return Self { known: None, original: None, id: Some(invalid.id), params: None };
            }
        };
        let known = observing.by_name.get(&*call.method).copied();
        Self { known, original: known.is_none().then_some(&*call.method), id, params: call.params }
    }
}
