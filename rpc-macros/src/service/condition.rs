//! Resolves the `cfg_attr`s on methods and parameters. rustc passes them to an attribute macro unexpanded.
//!
//! Only rustc knows whether a condition holds. So the macro emits the trait again, with two attributes of opposite
//! conditions. rustc keeps the one that holds, and this one tells the macro the answer. The macro then expands the
//! contents of the `cfg_attr`. It repeats this for each condition.
//!
//! ```text
//! // Input:
//! trait Users { #[cfg_attr(unix, rpc(readonly))] fn get(&self); }
//! // Output:
//! #[cfg_attr(unix, ::rpc::__private::service_where(true, ..))]
//! #[cfg_attr(not(unix), ::rpc::__private::service_where(false, ..))]
//! trait Users { #[cfg_attr(unix, rpc(readonly))] fn get(&self); }
//! // Output of the one that rustc keeps, if the condition holds:
//! #[rpc::service(..)]
//! trait Users { #[rpc(readonly)] fn get(&self); }
//! ```

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::parse::{ParseStream, Parser};
use syn::punctuated::Punctuated;
use syn::{Attribute, FnArg, ItemTrait, Meta, Path, Token, TraitItem};

/// The parts of a `cfg_attr`.
struct Conditional {
    condition: TokenStream,
    attrs: Vec<Meta>,
}

impl Conditional {
    /// Parses a `cfg_attr`. Returns `None` for any other attribute, and for a malformed one, which rustc reports.
    fn read(attr: &Attribute) -> Option<Self> {
        let Meta::List(list) = &attr.meta else { return None };
        if !list.path.is_ident("cfg_attr") {
            return None;
        }
        let parser = |input: ParseStream<'_>| {
            let mut condition = TokenStream::new();
            while !input.peek(Token![,]) {
                condition.extend([input.parse::<TokenTree>()?]);
            }
            input.parse::<Token![,]>()?;
            let attrs = Punctuated::<Meta, Token![,]>::parse_terminated(input)?.into_iter().collect();
            Ok(Self { condition, attrs })
        };
        parser.parse2(list.tokens.clone()).ok().filter(|conditional| !conditional.condition.is_empty())
    }

    /// Returns the condition in a comparable form.
    fn key(&self) -> String {
        self.condition.to_string()
    }
}

/// Returns the first condition on a method or a parameter.
fn first(item: &mut ItemTrait) -> Option<Conditional> {
    let mut lists = attribute_lists(item);
    lists.find_map(|attrs| attrs.iter().find_map(Conditional::read))
}

/// Returns the attributes of each method and of each of its parameters.
///
/// The trait's own attributes are already expanded: rustc resolves them before it calls the macro.
fn attribute_lists(item: &mut ItemTrait) -> impl Iterator<Item = &mut Vec<Attribute>> {
    let functions = item.items.iter_mut().filter_map(|item| match item {
        TraitItem::Fn(function) => Some(function),
        _ => None,
    });
    functions.flat_map(|function| {
        let inputs = function.sig.inputs.iter_mut().map(|input| match input {
            FnArg::Receiver(receiver) => &mut receiver.attrs,
            FnArg::Typed(typed) => &mut typed.attrs,
        });
        std::iter::once(&mut function.attrs).chain(inputs)
    })
}

/// Generates the trait with the question whether its first condition holds. Returns `None` if it has no condition.
pub(super) fn ask(item: &mut ItemTrait, krate: &Path, args: &TokenStream) -> Option<TokenStream> {
    let condition = first(item)?.condition;
    Some(quote_spanned! {Span::mixed_site()=>
        #[cfg_attr(#condition, #krate::__private::service_where(true, #args))]
        #[cfg_attr(not(#condition), #krate::__private::service_where(false, #args))]
        #item
    })
}

/// Resolves all occurrences of the first condition: a trait has few conditions, but many methods repeat them.
pub(super) fn resolve(item: &mut ItemTrait, holds: bool) {
    let Some(key) = first(item).map(|conditional| conditional.key()) else { return };
    for attrs in attribute_lists(item) {
        let expand = |attr: Attribute| match Conditional::read(&attr) {
            Some(conditional) if conditional.key() == key => {
                let metas = if holds { conditional.attrs } else { Vec::new() };
                metas.into_iter().map(|meta| Attribute { meta, ..attr.clone() }).collect()
            }
            _ => vec![attr],
        };
        *attrs = std::mem::take(attrs).into_iter().flat_map(expand).collect();
    }
}

/// Splits the arguments of `service_where` into the answer and the service's own arguments.
pub(super) fn split_answer(args: TokenStream) -> (bool, TokenStream) {
    let mut args = args.into_iter();
    let holds = args.next().is_some_and(|answer| answer.to_token_stream().to_string() == "true");
    // The comma.
    args.next();
    (holds, args.collect())
}
