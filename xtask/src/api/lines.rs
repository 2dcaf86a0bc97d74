//! The lines of the snapshot, and the lines of a single item.

use std::collections::BTreeSet;

use syn::visit_mut::VisitMut;
use syn::{
    Attribute, Expr, Fields, FnArg, Generics, Item, Pat, Signature, TraitItem, TypeParamBound, Visibility, parse_quote,
};

use super::attrs::{further, is_hidden, prefix};
use super::names::PathWriter;
use super::print::text;
use super::reach::PublicPath;
use crate::code::macro_rules;

/// The placeholder in a signature for the item's path.
const NAME: &str = "name_of_the_item";

/// A line. Lines are ordered by their owners, then by their ranks.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Line {
    /// The path of the line's owner, an item.
    pub(super) owner: String,
    pub(super) rank: Rank,
    /// The member's name.
    pub(super) name: String,
    pub(super) text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rank {
    Item,
    Member,
    Associated,
    Impl,
}

/// The lines of a snapshot.
#[derive(Debug, Default)]
pub(super) struct Lines(pub(super) BTreeSet<Line>);

impl Lines {
    pub(super) fn add(&mut self, owner: &str, rank: Rank, name: &str, text: String) {
        self.0.insert(Line { owner: owner.to_owned(), rank, name: name.to_owned(), text });
    }

    pub(super) fn module(&mut self, place: &PublicPath) {
        self.add(&place.path, Rank::Item, "", format!("{}pub mod {}", prefix(&place.cfgs, &[]), place.path));
    }

    /// Adds another path of an item, or a path of an item of another crate.
    pub(super) fn reexport(&mut self, from: &str, place: &PublicPath) {
        let cfgs = prefix(&place.cfgs, &[]);
        let is_renamed = from.rsplit("::").next() != Some(&place.path);
        let name = if is_renamed { format!(" as {}", place.path) } else { String::new() };
        self.add(&place.path, Rank::Item, "", format!("{cfgs}pub use {from}{name}"));
    }

    /// Adds an invocation of a macro that is not expanded.
    pub(super) fn unexpanded(&mut self, invocation: &str, place: &PublicPath) {
        self.add(&place.path, Rank::Item, "", format!("{}{invocation}", prefix(&place.cfgs, &[])));
    }

    /// Adds an item and its fields, variants or methods. Items of its `impl` blocks are not included.
    pub(super) fn item(&mut self, item: &Item, place: &PublicPath, writer: PathWriter<'_>) {
        let mut of = ItemLines { lines: self, place, writer };
        match item.clone() {
            Item::Const(mut item) => {
                of.writer.visit_type_mut(&mut item.ty);
                of.head(&item.attrs, &format!("pub const {}: {}{}", place.path, text(&item.ty), value(&item.expr)));
            }
            Item::Static(mut item) => {
                of.writer.visit_type_mut(&mut item.ty);
                of.head(&item.attrs, &format!("pub static {}: {}", place.path, text(&item.ty)));
            }
            Item::Fn(mut item) => {
                of.writer.visit_signature_mut(&mut item.sig);
                of.head(&item.attrs, &format!("pub {}", signature(&item.sig, &place.path)));
            }
            Item::Type(mut item) => {
                of.writer.visit_item_type_mut(&mut item);
                let (params, bounds) = (params(&item.generics), bounds(&item.generics));
                of.head(&item.attrs, &format!("pub type {}{params} = {}{bounds}", place.path, text(&item.ty)));
            }
            Item::Struct(item) => of.structure(item),
            Item::Enum(item) => of.enumeration(item),
            Item::Union(mut item) => {
                of.writer.visit_item_union_mut(&mut item);
                of.head(&item.attrs, &format!("pub union {}{}", place.path, generics(&item.generics)));
                of.fields(&Fields::Named(item.fields));
            }
            Item::Trait(item) => of.interface(item),
            Item::Macro(item) => {
                let patterns = macro_rules::patterns(&item.mac.tokens);
                let patterns: Vec<String> = patterns.iter().map(|pattern| format!("({})", text(pattern))).collect();
                of.head(&item.attrs, &format!("macro_rules! {} {{ {} }}", place.path, patterns.join("; ")));
            }
            _ => {}
        }
    }
}

/// The item that the lines describe.
struct ItemLines<'a, 'w> {
    lines: &'a mut Lines,
    place: &'a PublicPath,
    writer: PathWriter<'w>,
}

impl ItemLines<'_, '_> {
    fn head(&mut self, attrs: &[Attribute], text: &str) {
        let text = format!("{}{text}", prefix(&self.place.cfgs, attrs));
        self.lines.add(&self.place.path, Rank::Item, "", text);
    }

    /// Adds a field, a variant or an item of a trait, unless the documentation hides it.
    fn member(&mut self, attrs: &[Attribute], name: &str, text: &str) {
        if !is_hidden(attrs) {
            let text = format!("{}{text}", prefix(&further(attrs, &self.place.cfgs), attrs));
            self.lines.add(&self.place.path, Rank::Member, name, text);
        }
    }

    fn structure(&mut self, mut item: syn::ItemStruct) {
        self.writer.visit_item_struct_mut(&mut item);
        let path = &self.place.path;
        let (params, bounds) = (params(&item.generics), bounds(&item.generics));
        let is_seen = |field: &syn::Field| matches!(field.vis, Visibility::Public(_)) && !is_hidden(&field.attrs);
        let text = match &item.fields {
            Fields::Named(fields) if fields.named.iter().all(is_seen) => format!("pub struct {path}{params}{bounds}"),
            Fields::Named(_) => format!("pub struct {path}{params}{bounds} {{ .. }}"),
            Fields::Unit => format!("pub struct {path}{params}{bounds};"),
            Fields::Unnamed(fields) => {
                let field = |field| if is_seen(field) { format!("pub {}", text(&field.ty)) } else { "_".to_owned() };
                let fields: Vec<String> = fields.unnamed.iter().map(field).collect();
                format!("pub struct {path}{params}({}){bounds}", fields.join(", "))
            }
        };
        self.head(&item.attrs, &text);
        self.fields(&item.fields);
    }

    fn fields(&mut self, fields: &Fields) {
        for field in fields {
            if let (Some(name), Visibility::Public(_)) = (&field.ident, &field.vis) {
                let text = format!("pub {}::{name}: {}", self.place.path, text(&field.ty));
                self.member(&field.attrs, &name.to_string(), &text);
            }
        }
    }

    fn enumeration(&mut self, mut item: syn::ItemEnum) {
        self.writer.visit_item_enum_mut(&mut item);
        self.head(&item.attrs, &format!("pub enum {}{}", self.place.path, generics(&item.generics)));
        for mut variant in item.variants {
            let attrs = std::mem::take(&mut variant.attrs);
            variant.fields.iter_mut().for_each(|field| field.attrs.retain(|attr| attr.path().is_ident("cfg")));
            let text = format!("{}::{}", self.place.path, text(&variant));
            self.member(&attrs, &variant.ident.to_string(), &text);
        }
    }

    fn interface(&mut self, mut item: syn::ItemTrait) {
        let path = &self.place.path;
        let is_private = |bound: &TypeParamBound| match bound {
            TypeParamBound::Trait(bound) => self.writer.is_private(&bound.path),
            _ => false,
        };
        let is_hidden = |item: &TraitItem| is_required(item) && is_hidden(trait_item_attrs(item));
        let is_closed = item.supertraits.iter().any(is_private) || item.items.iter().any(is_hidden);
        self.writer.visit_item_trait_mut(&mut item);
        let supertraits = text(&item.supertraits);
        let supertraits = if supertraits.is_empty() { supertraits } else { format!(": {supertraits}") };
        let unsafety = if item.unsafety.is_some() { "unsafe " } else { "" };
        let (params, bounds) = (params(&item.generics), bounds(&item.generics));
        let rest = if is_closed { " { .. }" } else { "" };
        self.head(&item.attrs, &format!("pub {unsafety}trait {path}{params}{supertraits}{bounds}{rest}"));
        for item in &item.items {
            match item {
                TraitItem::Fn(item) => {
                    let default = if item.default.is_some() { " { .. }" } else { "" };
                    let name = item.sig.ident.to_string();
                    let text = signature(&item.sig, &format!("{}::{name}", self.place.path));
                    self.member(&item.attrs, &name, &format!("{text}{default}"));
                }
                TraitItem::Type(item) => {
                    let mut bare = item.clone();
                    bare.attrs.clear();
                    self.renamed(&item.attrs, &item.ident, &text(&bare), "type");
                }
                TraitItem::Const(item) => {
                    let default = if item.default.is_some() { " = .." } else { "" };
                    let text = format!("const {}: {}{default}", item.ident, text(&item.ty));
                    self.renamed(&item.attrs, &item.ident, &text, "const");
                }
                TraitItem::Macro(item) => {
                    let text = format!("{}::{}", self.place.path, text(&item.mac));
                    self.member(&item.attrs, "", &text);
                }
                _ => {}
            }
        }
    }

    /// Adds an item of a trait under its path.
    fn renamed(&mut self, attrs: &[Attribute], ident: &syn::Ident, text: &str, word: &str) {
        let path = &self.place.path;
        let text =
            text.trim_end_matches(';').replacen(&format!("{word} {ident}"), &format!("{word} {path}::{ident}"), 1);
        self.member(attrs, &ident.to_string(), &text);
    }
}

/// Returns whether implementations of a trait must define an item.
fn is_required(item: &TraitItem) -> bool {
    match item {
        TraitItem::Const(item) => item.default.is_none(),
        TraitItem::Fn(item) => item.default.is_none(),
        TraitItem::Type(item) => item.default.is_none(),
        _ => false,
    }
}

fn trait_item_attrs(item: &TraitItem) -> &[Attribute] {
    match item {
        TraitItem::Const(item) => &item.attrs,
        TraitItem::Fn(item) => &item.attrs,
        TraitItem::Type(item) => &item.attrs,
        _ => &[],
    }
}

/// Formats a function's signature, with a path instead of its name.
pub(super) fn signature(sig: &Signature, path: &str) -> String {
    let mut sig = sig.clone();
    sig.ident = syn::Ident::new(NAME, sig.ident.span());
    for input in &mut sig.inputs {
        match input {
            FnArg::Receiver(receiver) => {
                receiver.attrs.clear();
                receiver.mutability = None;
            }
            FnArg::Typed(typed) => {
                typed.attrs.clear();
                match &mut *typed.pat {
                    Pat::Ident(pat) => (pat.mutability, pat.by_ref) = (None, None),
                    pat => *pat = parse_quote!(_),
                }
            }
        }
    }
    text(&sig).replacen(NAME, path, 1)
}

/// Formats the value of a constant, unless it is a block of code or reveals how its type is constructed.
pub(super) fn value(expr: &Expr) -> String {
    let is_constructor = |expr: &Expr| match expr {
        Expr::Path(path) => path.path.get_ident().is_some_and(|name| name.to_string().starts_with(char::is_uppercase)),
        _ => false,
    };
    let text = text(expr);
    match expr {
        Expr::Call(call) if is_constructor(&call.func) => String::new(),
        _ if text.contains('{') => String::new(),
        _ => format!(" = {text}"),
    }
}

fn generics(generics: &Generics) -> String {
    format!("{}{}", params(generics), bounds(generics))
}

/// Formats the parameters in angle brackets.
pub(super) fn params(generics: &Generics) -> String {
    if generics.params.is_empty() { String::new() } else { format!("<{}>", text(&generics.params)) }
}

/// Formats the `where` clause.
pub(super) fn bounds(generics: &Generics) -> String {
    match &generics.where_clause {
        Some(clause) if !clause.predicates.is_empty() => format!(" {}", text(clause)),
        _ => String::new(),
    }
}
