//! Expands the macros by example that are invoked as items, in modules and in `impl` blocks.

use proc_macro2::{Group, Ident, Literal, Span, TokenStream, TokenTree};
use syn::parse::Parser;
use syn::{Attribute, File, ImplItem, Item, ItemImpl, LitStr, Macro, Meta};

use super::cfg::cfgs;
use super::items::Namespace;
use super::macro_rules;
use super::modules::{ItemId, ModuleId, Target, Tree, attrs};

/// The maximal depth of nested macro invocations, the same as in rustc.
const DEPTH: usize = 128;

/// The expansion of an invocation, with the conditions of the macro's definition.
struct Expansion {
    cfgs: Vec<Attribute>,
    tokens: TokenStream,
}

impl Tree {
    /// Expands all invocations of macros that the tree's crates define. Invocations of other macros stay.
    pub(crate) fn expand(&mut self) -> Result<(), String> {
        for _ in 0..DEPTH {
            if !self.expand_once()? {
                return Ok(());
            }
        }
        Err(format!("macros expand more than {DEPTH} levels deep"))
    }

    fn expand_once(&mut self) -> Result<bool, String> {
        let ids = (0..self.modules.len()).flat_map(|id| (0..self.modules[id].code.len()).map(move |index| (id, index)));
        let mut any = false;
        for id in ids.collect::<Vec<_>>() {
            match &self.modules[id.0].code[id.1] {
                Item::Macro(item) if item.ident.is_none() => {
                    let of_invocation = cfgs(&item.attrs);
                    let Some(expansions) = self.expansions(id.0, &item.mac)? else { continue };
                    any = true;
                    self.replace(id, &of_invocation, expansions)?;
                }
                Item::Impl(item) if item.items.iter().any(|item| matches!(item, ImplItem::Macro(_))) => {
                    let Some(item) = self.expanded_impl(id.0, item)? else { continue };
                    any = true;
                    self.modules[id.0].code[id.1] = Item::Impl(item);
                }
                _ => {}
            }
        }
        Ok(any)
    }

    /// Replaces an invocation with its expansions.
    fn replace(&mut self, id: ItemId, cfgs: &[Attribute], expansions: Vec<Expansion>) -> Result<(), String> {
        self.forget(id);
        for expansion in expansions {
            let file: File = syn::parse2(expansion.tokens)
                .map_err(|error| format!("{}: a macro expands to no items: {error}", self.modules[id.0].file))?;
            let cfgs: Vec<Attribute> = cfgs.iter().cloned().chain(expansion.cfgs).collect();
            self.add(id.0, file.items, &cfgs)?;
        }
        Ok(())
    }

    fn expanded_impl(&self, module: ModuleId, item: &ItemImpl) -> Result<Option<ItemImpl>, String> {
        let mut any = false;
        let mut expanded = ItemImpl { items: Vec::new(), ..item.clone() };
        for item in &item.items {
            let ImplItem::Macro(invocation) = item else {
                expanded.items.push(item.clone());
                continue;
            };
            let Some(expansions) = self.expansions(module, &invocation.mac)? else {
                expanded.items.push(item.clone());
                continue;
            };
            any = true;
            for expansion in expansions {
                let cfgs = cfgs(&invocation.attrs).into_iter().chain(expansion.cfgs);
                let items = impl_items.parse2(expansion.tokens).map_err(|error| {
                    format!("{}: a macro expands to no items of an impl: {error}", self.modules[module].file)
                })?;
                expanded.items.extend(with_cfgs(items, &cfgs.collect::<Vec<_>>()));
            }
        }
        Ok(any.then_some(expanded))
    }

    /// Expands an invocation by each possible definition of its name. Returns `None` if the tree has no definition.
    fn expansions(&self, module: ModuleId, mac: &Macro) -> Result<Option<Vec<Expansion>>, String> {
        let mut expansions = Vec::new();
        let path: Vec<String> = mac.path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        for target in self.resolve(module, &path, Namespace::Macros) {
            let Target::Item(definition) = target else { continue };
            let Some((of, index)) = definition.item else { continue };
            let Item::Macro(item) = &self.modules[of].code[index] else { continue };
            let is_own = self.modules[of].root == self.modules[module].root;
            let krate = if is_own { "crate" } else { self.crate_name(of) };
            let krate = Ident::new(krate, Span::call_site());
            let tokens = macro_rules::expand(&item.mac.tokens, &mac.tokens, &krate)
                .ok_or_else(|| format!("{}: no rule of `{}!` matches", self.modules[module].file, path.join("::")))?;
            let cfgs = cfgs(attrs(&self.modules[of].code[index]));
            let cfgs =
                if is_own { cfgs } else { cfgs.iter().map(|cfg| of_package(cfg, self.crate_name(of))).collect() };
            expansions.push(Expansion { cfgs, tokens });
        }
        Ok(Some(expansions).filter(|expansions| !expansions.is_empty()))
    }
}

fn impl_items(input: syn::parse::ParseStream<'_>) -> syn::Result<Vec<ImplItem>> {
    let mut items = Vec::new();
    while !input.is_empty() {
        items.push(input.parse()?);
    }
    Ok(items)
}

/// Writes a condition as another crate would, with features as `package/feature`.
fn of_package(cfg: &Attribute, krate: &str) -> Attribute {
    fn prefixed(tokens: TokenStream, package: &str) -> TokenStream {
        let token = |token| match token {
            TokenTree::Group(group) => Group::new(group.delimiter(), prefixed(group.stream(), package)).into(),
            TokenTree::Literal(literal) => match syn::parse_str::<LitStr>(&literal.to_string()) {
                Ok(feature) => Literal::string(&format!("{package}/{}", feature.value())).into(),
                Err(_) => literal.into(),
            },
            token => token,
        };
        tokens.into_iter().map(token).collect()
    }
    let mut cfg = cfg.clone();
    if let Meta::List(list) = &mut cfg.meta {
        list.tokens = prefixed(std::mem::take(&mut list.tokens), &krate.replace('_', "-"));
    }
    cfg
}

fn with_cfgs(mut items: Vec<ImplItem>, cfgs: &[Attribute]) -> Vec<ImplItem> {
    for item in &mut items {
        let attrs = match item {
            ImplItem::Const(item) => &mut item.attrs,
            ImplItem::Fn(item) => &mut item.attrs,
            ImplItem::Macro(item) => &mut item.attrs,
            ImplItem::Type(item) => &mut item.attrs,
            _ => continue,
        };
        attrs.extend_from_slice(cfgs);
    }
    items
}
