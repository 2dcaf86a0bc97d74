use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Path;
use syn::ext::IdentExt;

use super::super::ast::{Effect, Method, Output, Param, Service};
use super::fragments::{lints, method_lints, result_types};
use super::{openrpc, stream};
use crate::spans::at;

/// Generates the descriptions: one constant for each method, and the service's list of them.
///
/// ```text
/// // Output:
/// pub struct __UsersSpec;
/// impl __UsersSpec {
///     pub const get: &'static MethodSpec = &MethodSpec::new("user.get")
///         .params(const { &[ParamSpec::new("id")] })
///         .readonly()
///         .errors(<UserError as RpcError>::ERRORS);
/// }
/// impl Describe for __UsersSpec {
///     const SPEC: &'static ServiceSpec = &ServiceSpec::new("Users").namespace("user").methods(&[Self::get]);
/// }
/// ```
pub(super) fn expand(service: &Service) -> TokenStream {
    let span = Span::mixed_site();
    let lints = lints(service);
    let Service { krate, names, item, .. } = service;
    let (vis, spec) = (&item.vis, &names.spec);
    let constants = service.methods.iter().map(|method| constant(method, service));
    let description = description(service);
    quote_spanned! {span=>
        #[doc(hidden)]
        #lints
        #[allow(missing_debug_implementations)]
        #vis struct #spec;

        #lints
        #[allow(missing_docs)]
        impl #spec {
            #(#constants)*
        }

        #lints
        impl #krate::Describe for #spec {
            const SPEC: &'static #krate::ServiceSpec = &#description;
        }
    }
}

fn description(service: &Service) -> TokenStream {
    let span = Span::mixed_site();
    let krate = &service.krate;
    let name = service.item.ident.unraw().to_string();
    let namespace = service.namespace.as_ref().map(|namespace| quote_spanned!(span=> .namespace(#namespace)));
    let docs = docs(&service.docs);
    let methods =
        service.methods.iter().map(|Method { ident, cfgs, .. }| quote_spanned!(span=> #(#cfgs)* Self::#ident));
    quote_spanned! {span=>
        #krate::ServiceSpec::new(#name) #namespace #docs .methods(&[#(#methods),*])
    }
}

fn constant(method: &Method, service: &Service) -> TokenStream {
    let span = Span::mixed_site();
    let krate = &service.krate;
    let vis = &service.item.vis;
    let Method { ident, cfgs, .. } = method;
    let name = &method.wire.text;
    let mut builder = quote_spanned!(span=> #krate::MethodSpec::new(#name));
    builder.extend(docs(&method.docs));
    builder.extend(params(method, krate));
    builder.extend(aliases(method));
    builder.extend(flags(method, service));
    builder.extend(errors(&method.output, krate));
    let builder = openrpc::with_types(builder, method, service);
    let lints = method_lints(method).map(|lints| quote_spanned!(span=> #lints #[allow(missing_docs)]));
    quote_spanned! {span=>
        #(#cfgs)*
        #lints
        #vis const #ident: &'static #krate::MethodSpec = &#builder;
    }
}

fn docs(docs: &str) -> Option<TokenStream> {
    (!docs.is_empty()).then(|| quote_spanned!(Span::mixed_site()=> .docs(#docs)))
}

fn params(method: &Method, krate: &Path) -> Option<TokenStream> {
    let span = Span::mixed_site();
    if method.has_whole_params() {
        return Some(quote_spanned!(span=> .whole_params()));
    }
    let params: Vec<_> = method.params().map(|param| param_spec(param, method, krate)).collect();
    // A separate constant, since Rust does not promote the results of these function calls to constants.
    (!params.is_empty()).then(|| quote_spanned!(span=> .params(const { &[#(#params),*] })))
}

fn param_spec(param: &Param, method: &Method, krate: &Path) -> TokenStream {
    let span = Span::mixed_site();
    let name = &param.wire.text;
    let optional = method.is_optional(param).then(|| quote_spanned!(span=> .optional()));
    let docs = docs(&param.docs);
    quote_spanned!(span=> #krate::ParamSpec::new(#name) #optional #docs)
}

fn aliases(method: &Method) -> Option<TokenStream> {
    let aliases = method.aliases.iter().map(|alias| &alias.text);
    (!method.aliases.is_empty()).then(|| quote_spanned!(Span::mixed_site()=> .aliases(&[#(#aliases),*])))
}

fn flags(method: &Method, service: &Service) -> TokenStream {
    let span = Span::mixed_site();
    let stream = stream::description(&method.attrs.stream, &service.krate);
    let effect = match method.effect() {
        // `stream` says it.
        Effect::None if stream.is_some() => None,
        Effect::None => Some(quote_spanned!(span=> .readonly())),
        Effect::Idempotent => Some(quote_spanned!(span=> .idempotent())),
        Effect::Once => None,
    };
    let timeout = method.attrs.timeout_ms.map(|millis| {
        let millis = proc_macro2::Literal::u64_unsuffixed(millis);
        quote_spanned!(span=> .timeout_ms(#millis))
    });
    let requires = method.requires.0.as_ref().map(|roles| quote_spanned!(span=> .requires(&[#(#roles),*])));
    let deprecated = method.is_deprecated.then(|| quote_spanned!(span=> .deprecated()));
    let lenient = service.lenient.then(|| quote_spanned!(span=> .lenient()));
    let positional = service.positional.then(|| quote_spanned!(span=> .positional()));
    let ordered = method.attrs.ordered.as_ref().map(|_| quote_spanned!(span=> .ordered()));
    quote!(#stream #effect #ordered #timeout #requires #deprecated #lenient #positional)
}

fn errors(output: &Output, krate: &Path) -> Option<TokenStream> {
    match output {
        Output::Unit | Output::Plain(_) => return None,
        Output::Stream(stream) => {
            stream.error()?;
        }
        _ => {}
    }
    let (_, error) = result_types(output, krate);
    let set = quote_spanned!(at(&error)=> <#error as #krate::RpcError>::ERRORS);
    Some(quote_spanned!(Span::mixed_site()=> .errors(#set)))
}
