use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::{Path, Type};

use super::super::ast::{Method, Output, Service};
use super::{at, krate_at, lints};
use crate::types;

/// Refuses return types that are `Result` under another name: to a macro they look like plain values, and their errors
/// would reach callers as `{"Err": ..}`.
///
/// ```text
/// // Output:
/// const _: () = {
///     use ::rpc::__private::NotAResult as _;
///     const _: () = ::rpc::__private::ReturnGuard::<Vec<User>>::NOT_A_RESULT;
/// };
/// ```
pub(super) fn expand(service: &Service) -> Option<TokenStream> {
    let span = Span::mixed_site();
    let krate = &service.krate;
    let guards: Vec<_> = service.methods.iter().filter_map(|method| guard(method, krate)).collect();
    if guards.is_empty() {
        return None;
    }
    let lints = lints();
    Some(quote_spanned! {span=>
        #lints
        const _: () = {
            #[allow(unused_imports)]
            use #krate::__private::NotAResult as _;
            #(#guards)*
        };
    })
}

fn guard(method: &Method, krate: &Path) -> Option<TokenStream> {
    let Output::Plain(ty) = &method.output else { return None };
    // What is written as a tuple or an array is no alias.
    if matches!(types::peel(ty), Type::Tuple(_) | Type::Array(_)) {
        return None;
    }
    let cfgs = &method.cfgs;
    let krate = krate_at(krate, ty);
    Some(quote_spanned! {at(ty)=>
        #(#cfgs)*
        const _: () = #krate::__private::ReturnGuard::<#ty>::NOT_A_RESULT;
    })
}
