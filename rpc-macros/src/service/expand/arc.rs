use proc_macro2::{Span, TokenStream};
use quote::quote_spanned;
use syn::Ident;

use super::super::ast::{Arg, Method, Service};
use super::contract::future_of;
use super::fragments::{lints, method_lints};
use crate::names;

/// Implements the trait for `Arc<T>`, so that several services and the user's code can share one implementation.
///
/// ```text
/// // Output:
/// impl<__T: Users> Users for Arc<__T> {
///     fn get(&self, p0: u64) -> impl Future<Output = Result<User, UserError>> + Send {
///         <__T as Users>::get(&**self, p0)
///     }
/// }
/// ```
pub(super) fn expand(service: &Service) -> TokenStream {
    let span = Span::mixed_site();
    let shared = names::shared_generic();
    let lints = lints(service);
    let ident = &service.item.ident;
    let supertraits = service.item.supertraits.iter();
    let methods = service.methods.iter().map(|method| forward(method, ident, &shared));
    quote_spanned! {span=>
        #lints
        impl<#shared: #ident> #ident for ::std::sync::Arc<#shared>
        where
            #(::std::sync::Arc<#shared>: #supertraits,)*
        {
            #(#methods)*
        }
    }
}

fn forward(method: &Method, trait_ident: &Ident, shared: &Ident) -> TokenStream {
    let span = Span::mixed_site();
    let Method { ident, cfgs, .. } = method;
    let params: Vec<_> = (0..method.args.len()).map(names::param).collect();
    let types = method.args.iter().map(|arg| match arg {
        Arg::Context(context) => &context.ty,
        Arg::Param(param) => &param.ty,
    });
    let lints = method_lints(method);
    let output = if method.is_async { future_of(&method.returns) } else { method.returns.clone() };
    quote_spanned! {span=>
        #(#cfgs)*
        #lints
        fn #ident(&self, #(#params: #types),*) #output {
            <#shared as #trait_ident>::#ident(&**self, #(#params),*)
        }
    }
}
