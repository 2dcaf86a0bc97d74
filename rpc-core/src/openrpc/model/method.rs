//! [`Method`]: the view of a method with its references resolved.

use std::fmt;
use std::time::Duration;

use serde_json::Value;

use super::description::Description;
use super::descriptor::ContentDescriptor;
use super::link::Link;
use super::method_error::MethodError;
use super::method_example::MethodExample;
use super::method_object::{MethodObject, ParamStructure};
use super::server::ServerObject;
use super::tag::{ExternalDocs, Tag};
use crate::Effect;

/// A method of a [`Description`], with its references resolved.
///
/// References that lead to nothing are left out. [`Description::check`] finds these. An extension of the framework,
/// such as `x-effect`, counts as absent if it has an unknown form, because foreign documents may use its name for
/// something else.
#[derive(Clone, Copy)]
pub struct Method<'a> {
    object: &'a MethodObject,
    document: &'a Description,
}

impl Description {
    /// Returns the methods, in the order of the document.
    pub fn methods(&self) -> impl Iterator<Item = Method<'_>> {
        self.resolve_list(&self.methods).map(|object| Method { object, document: self })
    }

    /// Finds a method by its name, or else by one of its aliases (`x-aliases`).
    ///
    /// # Example
    ///
    /// ```
    /// use rpc::openrpc::Description;
    /// use serde_json::json;
    ///
    /// let description = Description::try_from(json!({
    ///     "openrpc": "1.3.2",
    ///     "info": { "title": "Accounts", "version": "1.0.0" },
    ///     "methods": [{ "name": "user.get", "params": [], "x-aliases": ["user.fetch"] }],
    /// }))?;
    /// assert_eq!(description.method("user.fetch").map(|method| method.name()), Some("user.get"));
    /// assert!(description.method("user.put").is_none());
    /// # Ok::<(), rpc::openrpc::DescriptionError>(())
    /// ```
    pub fn method(&self, name: &str) -> Option<Method<'_>> {
        let by_name = self.methods().find(|method| method.name() == name);
        by_name.or_else(|| self.methods().find(|method| method.aliases().any(|alias| alias == name)))
    }
}

impl<'a> Method<'a> {
    /// Returns the name on the wire.
    pub fn name(&self) -> &'a str {
        &self.object.name
    }

    /// Returns the short summary.
    pub fn summary(&self) -> Option<&'a str> {
        self.object.summary.as_deref()
    }

    /// Returns the description, in Markdown.
    pub fn description(&self) -> Option<&'a str> {
        self.object.description.as_deref()
    }

    /// Returns the parameters, the required ones first.
    pub fn params(&self) -> impl Iterator<Item = &'a ContentDescriptor> + use<'a> {
        self.document.resolve_list(&self.object.params)
    }

    /// Returns whether the method has no answer: the document has no result for it.
    pub fn is_notification(&self) -> bool {
        self.object.result.is_none()
    }

    /// Returns the result, or `None` if no answer is described: the method [is a notification](Self::is_notification).
    pub fn result(&self) -> Option<&'a ContentDescriptor> {
        self.document.resolve(self.object.result.as_ref()?).ok()
    }

    /// Returns the declared errors.
    pub fn errors(&self) -> impl Iterator<Item = MethodError<'a>> + use<'a> {
        let more = self.object.extensions.get("x-errors");
        let errors = self.document.resolve_list(self.object.errors.as_deref().unwrap_or_default());
        errors.map(move |error| MethodError::new(error, more))
    }

    /// Returns whether params go by name or by position.
    pub fn param_structure(&self) -> ParamStructure {
        self.object.param_structure.unwrap_or_default()
    }

    /// Returns whether the only parameter stands for all params (`x-params`): a value that is not known to be an object
    /// with certain members.
    pub fn params_as_whole(&self) -> bool {
        self.extension("x-params").is_some_and(|form| form == "whole")
    }

    /// Returns the effect of repeated calls (`x-effect`). `None`: the document does not tell.
    pub fn effect(&self) -> Option<Effect> {
        match self.extension("x-effect")?.as_str()? {
            "none" => Some(Effect::None),
            "idempotent" => Some(Effect::Idempotent),
            "once" => Some(Effect::Once),
            _ => None,
        }
    }

    /// Returns the time limit of a call (`x-timeout-ms`).
    pub fn timeout(&self) -> Option<Duration> {
        self.extension("x-timeout-ms")?.as_u64().map(Duration::from_millis)
    }

    /// Returns the other names of the method (`x-aliases`).
    pub fn aliases(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        self.extension("x-aliases").and_then(strings).into_iter().flatten()
    }

    /// Returns the roles of which a caller needs one (`x-requires`). An empty list: any authenticated caller may call.
    /// `None`: the document does not require authentication.
    pub fn requires(&self) -> Option<Vec<&'a str>> {
        self.extension("x-requires").and_then(strings).map(Iterator::collect)
    }

    /// Returns whether calls may fail with other errors than the declared ones (`x-other-errors`).
    pub fn takes_other_errors(&self) -> bool {
        self.extension("x-other-errors").is_some_and(|takes| *takes == true)
    }

    /// Returns whether the method is deprecated.
    pub fn is_deprecated(&self) -> bool {
        self.object.deprecated == Some(true)
    }

    /// Returns the tags, which group methods.
    pub fn tags(&self) -> impl Iterator<Item = &'a Tag> + use<'a> {
        self.document.resolve_list(self.object.tags.as_deref().unwrap_or_default())
    }

    /// Returns the examples of calls.
    pub fn examples(&self) -> impl Iterator<Item = MethodExample<'a>> + use<'a> {
        let document = self.document;
        let pairings = document.resolve_list(self.object.examples.as_deref().unwrap_or_default());
        pairings.map(move |pairing| MethodExample::new(pairing, document))
    }

    /// Returns the calls that follow from the result.
    pub fn links(&self) -> impl Iterator<Item = &'a Link> + use<'a> {
        self.document.resolve_list(self.object.links.as_deref().unwrap_or_default())
    }

    /// Returns the servers of the method. If it has none of its own, these are the servers of the document.
    pub fn servers(&self) -> &'a [ServerObject] {
        self.object.servers.as_deref().or(self.document.servers.as_deref()).unwrap_or_default()
    }

    /// Returns the documentation elsewhere.
    pub fn external_docs(&self) -> Option<&'a ExternalDocs> {
        self.object.external_docs.as_ref()
    }

    /// Returns a member that the specification does not define, such as `x-effect`.
    pub fn extension(&self, name: &str) -> Option<&'a Value> {
        self.object.extensions.get(name)
    }

    /// Returns the document of the method.
    pub(super) fn document(&self) -> &'a Description {
        self.document
    }

    /// Returns the method as the document has it, with its references.
    pub fn object(&self) -> &'a MethodObject {
        self.object
    }
}

impl fmt::Debug for Method<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Method").field(self.object).finish()
    }
}

/// Returns the items of a list of strings, or `None` for anything else.
fn strings(list: &Value) -> Option<impl Iterator<Item = &str>> {
    let items = list.as_array()?;
    items.iter().all(Value::is_string).then(|| items.iter().filter_map(Value::as_str))
}
