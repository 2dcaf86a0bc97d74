//! The methods of a server by name. [`Methods`] collects them while the server is built; [`MethodTable`] is immutable
//! afterwards and finds a method without a lock. Duplicate and reserved names panic at build time.

use std::borrow::Cow;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::FixedState;
use rpc_core::{MethodRef, ServiceSpec};

use crate::handler::Handler;

/// The prefix of the names that [section 4](https://www.jsonrpc.org/specification#request_object) of the specification
/// reserves.
const RESERVED: &str = "rpc.";

/// The name that stands for all unknown methods, wherever their own names would be too many.
pub(crate) const OTHER: &str = "_OTHER";

/// A method with its handler.
#[doc(hidden)]
pub struct Row {
    pub(crate) method: MethodRef,
    pub(crate) handler: Arc<dyn Handler>,
}

impl Row {
    pub(crate) fn new<M: Into<MethodRef>>(method: M, handler: Arc<dyn Handler>) -> Self {
        Self { method: method.into(), handler }
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row").field("method", &self.method.name).finish_non_exhaustive()
    }
}

/// Collects the methods of a server while it is built.
#[doc(hidden)]
#[derive(Debug, Default)]
pub struct Methods {
    rows: Vec<(Row, MethodOwner)>,
    service: Option<&'static ServiceSpec>,
    unknown: Option<Row>,
    /// Answers calls of unknown methods, if the user has set it.
    fallback: Option<Row>,
    /// The OpenRPC document of the methods.
    #[cfg(feature = "openrpc")]
    pub(crate) description: Option<rpc_core::openrpc::Document>,
}

/// Where a method comes from, for the messages that reject its name.
#[derive(Clone, Copy, Debug)]
enum MethodOwner {
    Service(&'static ServiceSpec),
    Closure,
    /// The server itself. The names of its methods are reserved by JSON-RPC.
    Server,
}

impl fmt::Display for MethodOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Service(service) => write!(f, "service `{}`", service.name),
            Self::Closure => f.write_str("a closure"),
            Self::Server => f.write_str("the server itself"),
        }
    }
}

impl Methods {
    /// Adds a method.
    pub fn add(&mut self, row: Row) {
        self.rows.push((row, self.service.map_or(MethodOwner::Closure, MethodOwner::Service)));
    }

    /// Adds a method of the server itself, with a name that begins with `rpc.`.
    pub(crate) fn add_own(&mut self, row: Row) {
        self.rows.push((row, MethodOwner::Server));
    }

    /// Adds the methods of a service under the service's name. Returns the range of their rows.
    pub(crate) fn of_service(
        &mut self,
        service: &'static ServiceSpec,
        register: impl FnOnce(&mut Self),
    ) -> Range<usize> {
        let first = self.rows.len();
        self.service = Some(service);
        register(self);
        self.service = None;
        first..self.rows.len()
    }

    /// Returns all methods that were added so far, with their services.
    #[cfg(feature = "openrpc")]
    pub(crate) fn described(&self) -> impl Iterator<Item = rpc_core::__private::DocumentedMethod<'_>> {
        self.rows.iter().map(|(row, owner)| {
            let service = if let MethodOwner::Service(service) = owner { Some(*service) } else { None };
            rpc_core::__private::DocumentedMethod { method: &row.method, service }
        })
    }

    /// Returns the methods that were added so far.
    pub(crate) fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().map(|(row, _)| row)
    }

    pub(crate) fn rows_mut(&mut self) -> impl Iterator<Item = &mut Row> {
        self.rows.iter_mut().map(|(row, _)| row)
    }

    /// Sets the row that answers calls of unknown methods.
    ///
    /// # Panics
    ///
    /// If it was set before.
    #[track_caller]
    pub(crate) fn set_fallback(&mut self, row: Row) {
        assert!(self.fallback.is_none(), "fallback: there is one already, and there can be only one");
        self.fallback = Some(row);
    }

    pub(crate) fn fallback_mut(&mut self) -> Option<&mut Row> {
        self.fallback.as_mut()
    }

    /// Sets the row that calls of unknown methods take through middleware.
    pub(crate) fn set_unknown(&mut self, row: Row) {
        self.unknown = Some(row);
    }
}

/// The methods by their names on the wire. It never changes once it is built, so calls share it without a lock.
pub(crate) struct MethodTable {
    rows: Vec<Row>,
    /// Answers calls of unknown methods, if middleware must see them.
    unknown: Option<Row>,
    /// Answers calls of unknown methods, if the user has set it.
    fallback: Option<Row>,
    // Names from the wire are only looked up and never inserted, so callers cannot cause collisions in spite of the
    // fixed seed.
    by_name: HashMap<Cow<'static, str>, usize, FixedState>,
    /// Whether any method is ordered.
    has_ordered: bool,
    #[cfg(feature = "openrpc")]
    pub(crate) description: Option<rpc_core::openrpc::Document>,
}

impl MethodTable {
    /// Builds the table.
    ///
    /// # Panics
    ///
    /// If two methods share a name, or a method has a reserved name.
    #[track_caller]
    pub(crate) fn build(methods: Methods) -> Self {
        let mut by_name = HashMap::with_hasher(FixedState::default());
        let owners: Vec<MethodOwner> = methods.rows.iter().map(|(_, owner)| *owner).collect();
        let rows: Vec<Row> = methods.rows.into_iter().map(|(row, _)| row).collect();
        for (index, row) in rows.iter().enumerate() {
            let names = std::iter::once(row.method.name.clone());
            for name in names.chain(row.method.aliases.iter().map(|alias| Cow::Borrowed(*alias))) {
                assert!(
                    matches!(owners[index], MethodOwner::Server) || !name.starts_with(RESERVED),
                    "method name {name:?} of {} is reserved: names that begin with \"rpc.\" belong to JSON-RPC itself",
                    owners[index]
                );
                match by_name.entry(name) {
                    Entry::Vacant(free) => drop(free.insert(index)),
                    Entry::Occupied(taken) => panic!(
                        "method name {:?} of {} is taken by {} already",
                        taken.key(),
                        owners[index],
                        owners[*taken.get()]
                    ),
                }
            }
        }
        Self {
            has_ordered: rows.iter().any(|row| row.method.ordered),
            rows,
            unknown: methods.unknown,
            fallback: methods.fallback,
            by_name,
            #[cfg(feature = "openrpc")]
            description: methods.description,
        }
    }

    /// Returns the methods, each once.
    pub(crate) fn methods(&self) -> impl Iterator<Item = &MethodRef> {
        self.rows.iter().map(|row| &row.method)
    }

    /// Returns whether the notifications of the method with this name run in order.
    pub(crate) fn is_ordered(&self, name: &str) -> bool {
        self.has_ordered && self.find(name, &mut None).is_some_and(|row| row.method.ordered)
    }

    /// Returns the row that answers calls of this unknown method, if there is one. A fallback does not answer names
    /// that JSON-RPC reserves.
    #[cold]
    pub(crate) fn other(&self, name: &str) -> Option<&Row> {
        self.fallback.as_ref().filter(|_| !name.starts_with(RESERVED)).or(self.unknown.as_ref())
    }

    /// Finds a method. `last` is the one that was found before, if any: batches often call one method repeatedly.
    #[inline]
    pub(crate) fn find<'t>(&'t self, name: &str, last: &mut Option<&'t Row>) -> Option<&'t Row> {
        if let Some(row) = *last
            && row.method.name == name
        {
            return Some(row);
        }
        *last = self.by_name.get(name).map(|&index| &self.rows[index]);
        *last
    }
}

impl fmt::Debug for MethodTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.rows).finish()
    }
}
