//! Compares two descriptions of a service, an old and a new one, and names each change by a rule. From the bottom up:
//! `inclusion` compares two schemas, `schema_changes` names what it found, `params`, `answers`, `streams` and `calls`
//! compare the parts of a method, and `compare` whole documents.

mod answers;
mod calls;
mod change;
mod compare;
mod documents;
mod inclusion;
mod named_schemas;
mod outline;
mod params;
mod properties;
mod rule;
mod schema_changes;
mod streams;
mod unresolved;

pub use change::Change;
pub use compare::compare;
pub use inclusion::{SchemaIn, TypeSet, Undescribed, Violation, ViolationKind, violations};
pub use rule::{Level, Rule};

#[cfg(test)]
mod tests;
