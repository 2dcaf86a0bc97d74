use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote_spanned};
use syn::Path;

use super::super::ast::{Method, Param, Service};
use super::fragments::{default_function, result_types};
use super::stream;
use crate::spans::{at, krate_at};

/// Generates the check that the facade's feature `openrpc` is on. It gives one error, at the key.
pub(super) fn needs_feature(service: &Service) -> Option<TokenStream> {
    let key = service.openrpc.as_ref()?;
    let krate = krate_at(&service.krate, key);
    Some(quote_spanned!(at(key)=> #krate::__private::needs_openrpc! {}))
}

/// Adds the types of a method to its description, if the service has the key `openrpc`.
///
/// ```text
/// // Output:
/// openrpc!(
///     { MethodSpec::new("user.get") }
///     const { &MethodTypes::new(&[TypeSpec::of::<u64>()], TypeSpec::of::<User>()) }
/// )
/// ```
pub(super) fn with_types(spec: TokenStream, method: &Method, service: &Service) -> TokenStream {
    if service.openrpc.is_none() {
        return spec;
    }
    let span = Span::mixed_site();
    let krate = &service.krate;
    let params = method.params().map(|param| param_type(param, krate));
    let (ok, _) = result_types(&method.output, krate);
    let result = type_of(&ok, krate);
    let cursor = stream::of(method).and_then(|stream| stream.cursor.as_ref()).map(|cursor| {
        let ty = type_of(cursor, krate);
        quote_spanned!(span=> .cursor(#ty))
    });
    quote_spanned! {span=>
        #krate::__private::openrpc!(
            { #spec }
            const { &#krate::__private::MethodTypes::new(const { &[#(#params),*] }, #result) #cursor }
        )
    }
}

/// Generates the entry of a type. The compiler reports a type without a schema where the user wrote it.
fn type_of<T: ToTokens>(ty: &T, krate: &Path) -> TokenStream {
    let krate_here = krate_at(krate, ty);
    quote_spanned!(at(ty)=> #krate_here::__private::TypeSpec::of::<#ty>())
}

/// Generates the entry of a parameter.
fn param_type(param: &Param, krate: &Path) -> TokenStream {
    let ty = &param.ty;
    let spec = type_of(ty, krate);
    let Some(function) = default_function(param) else { return spec };
    quote_spanned! {Span::mixed_site()=>
        #spec.default(|| {
            #[allow(unused_imports)]
            use #krate::__private::Unwritten as _;
            #krate::__private::DefaultOf::<#ty>::json((#function)())
        })
    }
}
