//! The attributes of an item that matter to its users.

use proc_macro2::TokenStream;
use syn::{Attribute, Meta};

use super::print::text;
use crate::code::cfg::{cfgs, nested};

/// Attributes that are shown with their arguments.
const SHOWN: [&str; 4] = ["repr", "proc_macro", "proc_macro_attribute", "proc_macro_derive"];

/// Attributes that are shown by name alone: their arguments are documentation.
const NAMED: [&str; 3] = ["non_exhaustive", "deprecated", "must_use"];

/// Returns whether an item is hidden from the documentation.
pub(super) fn is_hidden(attrs: &[Attribute]) -> bool {
    let is_hidden = |meta: &Meta| meta.path().is_ident("hidden");
    attrs.iter().any(|attr| attr.path().is_ident("doc") && nested(&attr.meta).iter().any(is_hidden))
}

/// Returns the conditions of an item that are not in `known`.
pub(super) fn further(attrs: &[Attribute], known: &[String]) -> Vec<String> {
    let mut further: Vec<String> = Vec::new();
    for cfg in cfgs(attrs).iter().map(text) {
        if !known.contains(&cfg) && !further.contains(&cfg) {
            further.push(cfg);
        }
    }
    further
}

/// Formats conditions and attributes as the prefix of an item, with a space after each.
pub(super) fn prefix(cfgs: &[String], attrs: &[Attribute]) -> String {
    cfgs.iter().cloned().chain(attrs.iter().filter_map(shown)).map(|attr| attr + " ").collect()
}

fn shown(attr: &Attribute) -> Option<String> {
    if SHOWN.iter().any(|name| attr.path().is_ident(name)) {
        return Some(text(attr));
    }
    if attr.path().is_ident("cfg_attr") {
        let nested = nested(&attr.meta);
        let (condition, attrs) = nested.split_first()?;
        let shown: Vec<String> = attrs.iter().filter_map(|meta| name(meta, &NAMED)).collect();
        return (!shown.is_empty()).then(|| format!("#[cfg_attr({}, {})]", text(condition), shown.join(", ")));
    }
    name(&attr.meta, &NAMED).map(|name| format!("#[{name}]"))
}

fn name(meta: &Meta, names: &[&str]) -> Option<String> {
    names.iter().find(|name| meta.path().is_ident(name)).map(|name| (*name).to_owned())
}

/// A derived trait and the condition of its derive.
pub(super) struct Derived {
    pub(super) path: syn::Path,
    pub(super) condition: Option<TokenStream>,
}

/// Lists the traits that an item derives.
pub(super) fn derived(attrs: &[Attribute]) -> Vec<Derived> {
    let mut derived = Vec::new();
    for attr in attrs {
        if attr.path().is_ident("cfg_attr") {
            let nested = nested(&attr.meta);
            let Some((condition, attrs)) = nested.split_first() else { continue };
            for meta in attrs {
                derives(meta, Some(condition), &mut derived);
            }
        } else {
            derives(&attr.meta, None, &mut derived);
        }
    }
    derived
}

fn derives(meta: &Meta, condition: Option<&Meta>, derived: &mut Vec<Derived>) {
    if meta.path().is_ident("derive") {
        let condition = condition.map(quote::ToTokens::to_token_stream);
        let all = nested(meta).into_iter().map(|meta| meta.path().clone());
        derived.extend(all.map(|path| Derived { path, condition: condition.clone() }));
    }
}
