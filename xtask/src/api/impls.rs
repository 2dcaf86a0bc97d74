//! The lines of `impl` blocks: the associated items of types, and the traits that they implement.

use proc_macro2::Ident;
use syn::visit::{self, Visit};
use syn::visit_mut::VisitMut;
use syn::{
    Attribute, GenericArgument, GenericParam, Generics, ImplItem, Item, ItemImpl, Path, PathArguments, Token,
    TraitItem, Type, Visibility, parse_quote,
};

use super::attrs::{derived, further, is_hidden, prefix};
use super::lines::{Lines, Rank, bounds, params, signature, value};
use super::names::Names;
use super::print::text;
use super::reach::{PublicPath, Reach, conditions};
use crate::code::cfg::is_test_only;
use crate::code::modules::{ItemId, ModuleId};

/// Adds the lines of a crate's `impl` blocks and derives to other lines.
pub(super) struct Impls<'a> {
    pub(super) names: &'a Names<'a>,
    pub(super) reach: &'a Reach,
    pub(super) lines: Lines,
}

impl Impls<'_> {
    /// Adds the associated items and the implemented traits from the `impl` blocks of a module.
    pub(super) fn module(&mut self, module: ModuleId) {
        for item in &self.names.tree.modules[module].code {
            if let Item::Impl(item) = item
                && !is_hidden(&item.attrs)
                && !is_test_only(&item.attrs)
            {
                match &item.trait_ {
                    Some(_) => self.of_trait(module, item),
                    None => self.inherent(module, item),
                }
            }
        }
    }

    /// Returns the place of an item of this crate that users can reach.
    fn place(&self, id: ItemId) -> Option<&PublicPath> {
        self.reach.items.get(&id)?.first()
    }

    /// Returns the place of the type or trait of this crate that a path refers to.
    fn place_of(&self, module: ModuleId, path: &Path) -> Option<PublicPath> {
        self.names.items(module, path).into_iter().find_map(|(id, _)| self.place(id).cloned())
    }

    fn inherent(&mut self, module: ModuleId, item: &ItemImpl) {
        let Type::Path(ty) = &*item.self_ty else { return };
        let Some(place) = self.place_of(module, &ty.path) else { return };
        let mut item = item.clone();
        self.names.writer(module).visit_item_impl_mut(&mut item);
        let path = text(&item.self_ty);
        let bounds_of_impl = moved_to_where(&mut item.generics);
        let known = self.with_conditions(module, &item.attrs, &place);
        for item in &mut item.items {
            let (attrs, vis) = match item {
                ImplItem::Const(item) => (&item.attrs, &item.vis),
                ImplItem::Fn(item) => (&item.attrs, &item.vis),
                ImplItem::Macro(item) => {
                    let text = format!("{path}::{}", text(&item.mac));
                    self.lines.add(&place.path, Rank::Associated, "", self.prefix(&item.attrs, &known, &place) + &text);
                    continue;
                }
                _ => continue,
            };
            if !matches!(vis, Visibility::Public(_)) || is_hidden(attrs) || is_test_only(attrs) {
                continue;
            }
            let prefix = self.prefix(attrs, &known, &place);
            match item {
                ImplItem::Const(item) => {
                    let name = item.ident.to_string();
                    let bounds = bounds(&bounds_of_impl);
                    let text = format!("pub const {path}::{name}: {}{}{bounds}", text(&item.ty), value(&item.expr));
                    self.lines.add(&place.path, Rank::Associated, &name, prefix + &text);
                }
                ImplItem::Fn(item) => {
                    let name = item.sig.ident.to_string();
                    join(&mut item.sig.generics, &bounds_of_impl);
                    let text = format!("pub {}", signature(&item.sig, &format!("{path}::{name}")));
                    self.lines.add(&place.path, Rank::Associated, &name, prefix + &text);
                }
                _ => {}
            }
        }
    }

    fn of_trait(&mut self, module: ModuleId, item: &ItemImpl) {
        let Some((trait_path, _)) = &item.trait_ else { return };
        let mut named = Named { names: self.names, module, generics: &item.generics, items: Vec::new() };
        named.visit_type(&item.self_ty);
        named.visit_path(trait_path);
        if named.items.iter().any(|(_, is_public)| !is_public) {
            // Users cannot name a part of the `impl`.
            return;
        }
        let own_type = match &*item.self_ty {
            Type::Path(ty) => self.place_of(module, &ty.path),
            _ => None,
        };
        let place = own_type
            .or_else(|| self.place_of(module, trait_path))
            .or_else(|| named.items.iter().find_map(|(id, _)| self.place(*id).cloned()));
        let Some(place) = place else { return };
        let mut written = item.clone();
        self.names.writer(module).visit_item_impl_mut(&mut written);
        let item = &written;
        let Some((path, _)) = &item.trait_ else { return };
        let types = item.items.iter().filter(|item| !self.is_hidden(module, trait_path, item));
        let types: Vec<String> = types.filter_map(associated_type).collect();
        let types = if types.is_empty() { String::new() } else { format!(" {{ {} }}", types.join(" ")) };
        let text = format!(
            "{}impl{} {}{} for {}{}{types}",
            if item.unsafety.is_some() { "unsafe " } else { "" },
            params(&item.generics),
            if item.modifiers.polarity.is_some() { "!" } else { "" },
            text(path),
            text(&item.self_ty),
            bounds(&item.generics),
        );
        let known = self.with_conditions(module, &item.attrs, &place);
        let prefix = self.prefix(&[], &known, &place);
        self.lines.add(&place.path, Rank::Impl, &text, prefix + &text);
    }

    /// Returns whether a trait of the workspace hides an item of an `impl` of it.
    fn is_hidden(&self, module: ModuleId, path: &Path, item: &ImplItem) -> bool {
        let ImplItem::Type(item) = item else { return false };
        self.names.items(module, path).into_iter().any(|((of, index), _)| {
            match &self.names.tree.modules[of].code[index] {
                Item::Trait(of) => of
                    .items
                    .iter()
                    .any(|of| matches!(of, TraitItem::Type(of) if of.ident == item.ident && is_hidden(&of.attrs))),
                _ => false,
            }
        })
    }

    /// Adds the traits that an item derives.
    pub(super) fn derives(&mut self, (module, index): ItemId, place: &PublicPath) {
        let (attrs, generics) = match &self.names.tree.modules[module].code[index] {
            Item::Struct(item) => (&item.attrs, &item.generics),
            Item::Enum(item) => (&item.attrs, &item.generics),
            Item::Union(item) => (&item.attrs, &item.generics),
            _ => return,
        };
        let mut generics = generics.clone();
        self.names.writer(module).visit_generics_mut(&mut generics);
        for derived in derived(attrs) {
            let cfgs: Vec<String> = derived.condition.iter().map(|when| format!("#[cfg({})]", text(when))).collect();
            for path in self.derived_traits(module, derived.path) {
                let generics = with_bound(&generics, &path);
                let (_, arguments, _) = generics.split_for_impl();
                let (arguments, bounds) = (text(&arguments), bounds(&generics));
                let mut generics = generics.clone();
                if let Some(parameter) = parameter(&path) {
                    generics.params.insert(0, parameter);
                }
                let params = params(&generics);
                let text = format!("impl{params} {} for {}{arguments}{bounds}", text(&path), place.path);
                self.lines.add(&place.path, Rank::Impl, &text, prefix(&cfgs, &[]) + &text);
            }
        }
    }

    /// Returns the traits that a derive implements.
    fn derived_traits(&self, module: ModuleId, mut path: Path) -> Vec<Path> {
        self.names.writer(module).visit_path_mut(&mut path);
        let name = text(&path);
        match name.as_str() {
            "Debug" => vec![parse_quote!(std::fmt::Debug)],
            "Hash" => vec![parse_quote!(std::hash::Hash)],
            "serde::Deserialize" => vec![parse_quote!(serde::Deserialize<'de>)],
            "thiserror::Error" => vec![parse_quote!(std::error::Error), parse_quote!(std::fmt::Display)],
            _ => vec![path],
        }
    }

    fn with_conditions(&self, module: ModuleId, attrs: &[Attribute], place: &PublicPath) -> Vec<String> {
        let mut known = place.cfgs.clone();
        for cfg in conditions(self.names.tree, module).into_iter().chain(further(attrs, &[])) {
            if !known.contains(&cfg) {
                known.push(cfg);
            }
        }
        known
    }

    /// Formats the conditions that the item at `place` does not have, and the attributes.
    fn prefix(&self, attrs: &[Attribute], known: &[String], place: &PublicPath) -> String {
        let own = further(attrs, known);
        let cfgs: Vec<String> = known.iter().skip(place.cfgs.len()).cloned().chain(own).collect();
        prefix(&cfgs, attrs)
    }
}

fn associated_type(item: &ImplItem) -> Option<String> {
    let ImplItem::Type(item) = item else { return None };
    let mut item = item.clone();
    item.attrs.clear();
    Some(text(&item))
}

/// Moves the bounds of parameters into the `where` clause, and returns only these bounds.
fn moved_to_where(generics: &mut Generics) -> Generics {
    let mut moved = Generics::default();
    let clause = moved.make_where_clause();
    for param in &mut generics.params {
        match param {
            GenericParam::Type(param) if !param.bounds.is_empty() => {
                let (ident, bounds) = (&param.ident, &param.bounds);
                clause.predicates.push(parse_quote!(#ident: #bounds));
            }
            GenericParam::Lifetime(param) if !param.bounds.is_empty() => {
                let (lifetime, bounds) = (&param.lifetime, &param.bounds);
                clause.predicates.push(parse_quote!(#lifetime: #bounds));
            }
            _ => {}
        }
    }
    clause.predicates.extend(generics.where_clause.iter().flat_map(|clause| clause.predicates.clone()));
    moved
}

/// Adds the bounds of an `impl` to those of one of its functions.
fn join(generics: &mut Generics, of_impl: &Generics) {
    let Some(clause) = &of_impl.where_clause else { return };
    if clause.predicates.is_empty() {
        return;
    }
    let own = generics.where_clause.take();
    let all = clause.predicates.iter().cloned().chain(own.into_iter().flat_map(|own| own.predicates));
    generics.make_where_clause().predicates.extend(all);
}

/// Adds the derived trait as a bound to each type parameter, and removes the defaults of parameters.
fn with_bound(generics: &Generics, path: &Path) -> Generics {
    let mut generics = generics.clone();
    for param in &mut generics.params {
        match param {
            GenericParam::Type(param) => {
                param.default = None;
                param.colon_token.get_or_insert_with(<Token![:]>::default);
                param.bounds.push(parse_quote!(#path));
            }
            GenericParam::Const(param) => param.default = None,
            GenericParam::Lifetime(_) => {}
        }
    }
    generics
}

/// Returns the parameter that the path of a derived trait uses.
fn parameter(path: &Path) -> Option<GenericParam> {
    let PathArguments::AngleBracketed(arguments) = &path.segments.last()?.arguments else { return None };
    match arguments.args.first()? {
        GenericArgument::Lifetime(lifetime) => Some(parse_quote!(#lifetime)),
        _ => None,
    }
}

/// Collects the items of the workspace in a part of an `impl`, each with whether users can name it.
struct Named<'a> {
    names: &'a Names<'a>,
    module: ModuleId,
    generics: &'a Generics,
    items: Vec<(ItemId, bool)>,
}

impl Visit<'_> for Named<'_> {
    fn visit_path(&mut self, path: &Path) {
        let is_param = |ident: &Ident| self.generics.type_params().any(|param| param.ident == *ident);
        if !path.segments.first().is_some_and(|first| is_param(&first.ident)) {
            let is_alias =
                |(module, index): ItemId| matches!(&self.names.tree.modules[module].code[index], Item::Type(_));
            // A private alias may refer to a public type.
            let items = self.names.items(self.module, path).into_iter().filter(|(id, _)| !is_alias(*id));
            self.items.extend(items.map(|(id, path)| (id, path.is_some())));
        }
        visit::visit_path(self, path);
    }
}
