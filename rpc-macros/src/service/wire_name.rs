use std::fmt;

use proc_macro2::{Ident, Span};
use syn::LitStr;
use syn::ext::IdentExt;

use super::attr::ServiceArgs;
use crate::case::Case;

/// A name on the wire, with the span of the tokens that it comes from.
#[derive(Clone)]
pub(crate) struct WireName {
    pub(crate) text: String,
    pub(crate) span: Span,
}

impl fmt::Display for WireName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The rules that turn identifiers into names on the wire.
pub(crate) struct WireNames {
    /// The prefix of the methods' names.
    prefix: String,
    rename_all: Option<Case>,
}

impl WireNames {
    pub(crate) fn of(service: &ServiceArgs) -> Self {
        let separator = service.separator.as_ref().map_or_else(|| ".".to_owned(), LitStr::value);
        let prefix = service.namespace.as_ref().map_or_else(String::new, |namespace| namespace.value() + &separator);
        Self { prefix, rename_all: service.rename_all }
    }

    /// Returns a method's name. The namespace precedes both explicit and derived names.
    pub(crate) fn method(&self, ident: &Ident, explicit: Option<&LitStr>) -> WireName {
        let name = self.param(ident, explicit);
        WireName { text: format!("{}{}", self.prefix, name.text), span: name.span }
    }

    pub(crate) fn alias(&self, alias: &LitStr) -> WireName {
        WireName { text: format!("{}{}", self.prefix, alias.value()), span: alias.span() }
    }

    pub(crate) fn param(&self, ident: &Ident, explicit: Option<&LitStr>) -> WireName {
        if let Some(name) = explicit {
            return WireName { text: name.value(), span: name.span() };
        }
        let name = ident.unraw().to_string();
        WireName { text: self.rename_all.map_or(name.clone(), |case| case.apply(&name)), span: ident.span() }
    }
}
