use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::Type;

use super::super::ast::{Method, Output, Service};
use super::fragments::{lints, method_lints};
use super::stream;
use crate::names;
use crate::spans::at;
use crate::types;

/// Rejects return types that are aliases of `Result` with another name. A macro cannot tell them from plain values, and
/// callers would get their errors as `{"Err": ..}`. Also rejects types that differ where a stream says one twice.
///
/// ```text
/// // Output:
/// const _: () = {
///     use ::rpc::__private::{PlainReturn as _, ReturnGuard as __ReturnGuard, refuse_alias as __refuse_alias};
///     const _: () = __refuse_alias::<Vec<User>, _>(__ReturnGuard::<Vec<User>>::KIND);
/// };
/// ```
pub(super) fn expand(service: &Service) -> Option<TokenStream> {
    let span = Span::mixed_site();
    let krate = &service.krate;
    let agreements = service.methods.iter().filter_map(|method| stream::agreement(method, krate));
    let guards: Vec<_> = service.methods.iter().filter_map(guard).chain(agreements).collect();
    if guards.is_empty() {
        return None;
    }
    let lints = lints(service);
    let (return_guard, refuse_alias) = names::guards(span);
    Some(quote_spanned! {span=>
        #lints
        const _: () = {
            #[allow(unused_imports)]
            use #krate::__private::{PlainReturn as _, ReturnGuard as #return_guard, refuse_alias as #refuse_alias};
            #(#guards)*
        };
    })
}

fn guard(method: &Method) -> Option<TokenStream> {
    let ty = match &method.output {
        Output::Plain(ty) => ty,
        Output::Stream(stream) if stream.item_error.is_none() => &stream.item,
        _ => return None,
    };
    // A type written as a tuple or an array is no alias.
    if matches!(types::peel(ty), Type::Tuple(_) | Type::Array(_)) {
        return None;
    }
    let (cfgs, lints) = (&method.cfgs, method_lints(method));
    let (return_guard, refuse_alias) = names::guards(at(ty));
    let checked = quote_spanned!(at(ty)=> #refuse_alias::<#ty, _>(#return_guard::<#ty>::KIND));
    Some(quote_spanned!(Span::mixed_site()=> #(#cfgs)* #lints const _: () = #checked;))
}
