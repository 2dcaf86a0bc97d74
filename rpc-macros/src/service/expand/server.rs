use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Path, Type};

use super::super::ast::{Arg, Method, Output, Param, Service};
use super::fragments::{default_function, lints, method_lints};
use super::stream;
use crate::names;
use crate::spans::{at, krate_at};

/// Generates the server's type. It holds the implementation in an `Arc` and registers the rows of the dispatch table.
///
/// ```text
/// // Output:
/// server! {
///     pub struct UsersServer<__S> { service: Arc<__S> }
///     impl<__S: Users> UsersServer<__S> {
///         pub fn new(service: __S) -> Self { .. }
///         pub fn layer(..) -> Layered<Self> { .. }
///     }
///     impl<__S> Clone for UsersServer<__S> { .. }
///     impl<__S> Debug for UsersServer<__S> { .. }
///     impl<__S: Users> Describe for UsersServer<__S> { .. }
///     impl<__S: Users> Service for UsersServer<__S> { fn register(self, methods: &mut Methods) { .. } }
/// }
/// ```
pub(super) fn expand(service: &Service) -> TokenStream {
    let span = Span::mixed_site();
    let krate = &service.krate;
    let structure = structure(service);
    let conversions = traits(service);
    let register = register(service);
    quote_spanned! {span=>
        #krate::__private::server! {
            #structure
            #conversions
            #register
        }
    }
}

fn structure(service: &Service) -> TokenStream {
    let span = Span::mixed_site();
    let (lints, generic) = (lints(service), names::service_generic());
    let Service { krate, names, item, type_attrs, .. } = service;
    let (vis, ident, server) = (&item.vis, &item.ident, &names.server);
    let docs = format!(" Serves an implementation of [`{ident}`]. Pass it to `rpc::Server::builder().service(..)`.");
    quote_spanned! {span=>
        #[doc = #docs]
        #(#type_attrs)*
        #lints
        #vis struct #server<#generic> {
            service: ::std::sync::Arc<#generic>,
        }

        #lints
        impl<#generic: #ident> #server<#generic> {
            /// Wraps an implementation.
            #vis fn new(service: #generic) -> Self {
                Self { service: ::std::sync::Arc::new(service) }
            }

            /// Wraps the service's calls in a layer.
            #vis fn layer(self, layer: impl #krate::middleware::CallLayer) -> #krate::middleware::Layered<Self> {
                #krate::middleware::Layered::new(self).layer(layer)
            }
        }
    }
}

fn traits(service: &Service) -> TokenStream {
    let span = Span::mixed_site();
    let (lints, generic) = (lints(service), names::service_generic());
    let Service { krate, names, item, .. } = service;
    let (ident, server, spec) = (&item.ident, &names.server, &names.spec);
    let name = server.to_string();
    quote_spanned! {span=>
        #lints
        impl<#generic> ::core::clone::Clone for #server<#generic> {
            fn clone(&self) -> Self {
                Self { service: ::core::clone::Clone::clone(&self.service) }
            }
        }

        #lints
        impl<#generic> ::core::fmt::Debug for #server<#generic> {
            fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
                f.debug_struct(#name).finish_non_exhaustive()
            }
        }

        #lints
        impl<#generic: #ident> #krate::Describe for #server<#generic> {
            const SPEC: &'static #krate::ServiceSpec = <#spec as #krate::Describe>::SPEC;
        }
    }
}

fn register(service: &Service) -> TokenStream {
    let span = Span::mixed_site();
    let (lints, generic) = (lints(service), names::service_generic());
    let Service { krate, names, item, .. } = service;
    let (ident, server) = (&item.ident, &names.server);
    let rows = service.methods.iter().map(|method| row(method, service));
    quote_spanned! {span=>
        #lints
        impl<#generic: #ident> #krate::Service for #server<#generic> {
            #[allow(unused_variables)]
            fn register(self, methods: &mut #krate::__private::Methods) {
                #(#rows)*
            }
        }
    }
}

/// Generates a row of the dispatch table. A separate function builds each row: the time to check a body with many
/// closures grows with the square of their number.
///
/// ```text
/// // Output:
/// methods.add({
///     fn __row<__S: Users>(service: &Arc<__S>) -> Row {
///         asynchronous(
///             service,
///             __UsersSpec::get,
///             (None,),
///             |service: Arc<__S>, (p0,): (u64,), _: ()| async move { <__S as Users>::get(&*service, p0).await },
///         )
///     }
///     __row(&self.service)
/// });
/// ```
fn row(method: &Method, service: &Service) -> TokenStream {
    let span = Span::mixed_site();
    let Service { krate, names, item, .. } = service;
    let (trait_ident, spec) = (&item.ident, &names.spec);
    let (row, generic) = (names::row(), names::service_generic());
    let Method { ident, cfgs, .. } = method;
    let lints = method_lints(method);
    let defaults = defaults(method);
    let handler = handler(method, service);
    let constructor = if stream::of(method).is_some() {
        quote_spanned!(at(ident)=> streaming)
    } else if method.is_async {
        quote_spanned!(at(ident)=> asynchronous)
    } else if method.is_blocking() {
        quote_spanned!(at(ident)=> blocking)
    } else {
        quote_spanned!(at(ident)=> synchronous)
    };
    // The span makes the compiler report unserializable types at the method.
    let krate_here = krate_at(krate, ident);
    let made = quote_spanned! {at(ident)=>
        #krate_here::__private::#constructor(service, #spec::#ident, #defaults, #handler)
    };
    quote_spanned! {span=>
        #(#cfgs)*
        #lints
        methods.add({
            fn #row<#generic: #trait_ident>(service: &::std::sync::Arc<#generic>) -> #krate::__private::Row {
                #made
            }
            #row(&self.service)
        });
    }
}

/// Generates the closure that calls the implementation.
///
/// ```text
/// // Output for a stream:
/// |service: Arc<__S>, (p0,): (String,), _: (), port: StreamPort| async move {
///     port.run(<__S as Market>::ticks(&*service, p0), PlainItems).await
/// }
/// ```
fn handler(method: &Method, service: &Service) -> TokenStream {
    let span = Span::mixed_site();
    let krate = &service.krate;
    let generic = names::service_generic();
    let (pattern, ty) = params(method, krate);
    let (context, context_type) = context(method, krate);
    let call = call(method, &service.item.ident);
    if let Some(stream) = stream::of(method) {
        let returned = if method.is_async { quote_spanned!(span=> #call.await) } else { call };
        let port = names::port();
        let run = stream::run(stream, &returned, &port, krate);
        quote_spanned! {span=>
            |
                service: ::std::sync::Arc<#generic>,
                #pattern: #ty,
                #context: #context_type,
                #port: #krate::__private::StreamPort
            | {
                async move { #run }
            }
        }
    } else if method.is_async {
        let answer = answer(&method.output, &quote_spanned!(span=> #call.await));
        quote_spanned! {span=>
            |service: ::std::sync::Arc<#generic>, #pattern: #ty, #context: #context_type| {
                async move { #answer }
            }
        }
    } else {
        let answer = answer(&method.output, &call);
        quote_spanned! {span=>
            |service: &#generic, #pattern: #ty, #context: &#context_type| #answer
        }
    }
}

/// Generates the pattern and the type of a handler's params: a tuple, or `Whole(p0): Whole<Page>`.
fn params(method: &Method, krate: &Path) -> (TokenStream, TokenStream) {
    let span = Span::mixed_site();
    let (patterns, types): (Vec<_>, Vec<_>) =
        method.params().enumerate().map(|(index, param)| (names::param(index), &param.ty)).unzip();
    if method.has_whole_params() {
        let whole = quote_spanned!(span=> #krate::__private::Whole);
        return (quote_spanned!(span=> #whole(#(#patterns)*)), quote_spanned!(span=> #whole<#(#types)*>));
    }
    (quote_spanned!(span=> (#(#patterns,)*)), quote_spanned!(span=> (#(#types,)*)))
}

/// Generates the pattern and the type of a handler's context.
fn context(method: &Method, krate: &Path) -> (TokenStream, TokenStream) {
    let span = Span::mixed_site();
    if !method.takes_context() {
        return (quote_spanned!(span=> _), quote_spanned!(span=> ()));
    }
    let context = names::context();
    (quote!(#context), quote_spanned!(span=> #krate::Context))
}

fn call(method: &Method, trait_ident: &Ident) -> TokenStream {
    let span = Span::mixed_site();
    let generic = names::service_generic();
    let ident = &method.ident;
    // The compiler reports a wrong type of the context where the user wrote it.
    let context_at = |ty: &Type| {
        let mut context = names::context();
        context.set_span(at(ty));
        quote!(#context)
    };
    // Such a closure owns what it borrows for the call.
    let is_owner = method.is_async || stream::of(method).is_some();
    let mut params = (0..).map(names::param);
    let args: Vec<_> = method
        .args
        .iter()
        .map(|arg| match arg {
            Arg::Context(context) if is_owner => {
                let cx = context_at(&context.ty);
                quote_spanned!(at(&context.ty)=> &#cx)
            }
            Arg::Context(context) => context_at(&context.ty),
            Arg::Param(_) => {
                let param = params.next();
                quote!(#param)
            }
        })
        .collect();
    let service = if is_owner { quote_spanned!(span=> &*service) } else { quote_spanned!(span=> service) };
    quote_spanned!(span=> <#generic as #trait_ident>::#ident(#service, #(#args),*))
}

/// Generates the `Result` that handlers return.
fn answer(output: &Output, call: &TokenStream) -> TokenStream {
    match output {
        Output::Result(_) | Output::ResultAlias(_) => call.clone(),
        _ => quote_spanned! {Span::mixed_site()=>
            ::core::result::Result::Ok::<_, ::core::convert::Infallible>(#call)
        },
    }
}

/// Generates the defaults of the parameters: a tuple, or nothing if one parameter holds all params.
fn defaults(method: &Method) -> TokenStream {
    let span = Span::mixed_site();
    if method.has_whole_params() {
        return quote_spanned!(span=> ());
    }
    let defaults = method.params().map(default);
    quote_spanned!(span=> (#(#defaults,)*))
}

/// Generates the default of a parameter, as an optional function.
fn default(param: &Param) -> TokenStream {
    let span = Span::mixed_site();
    let ty = &param.ty;
    match default_function(param) {
        None => quote_spanned!(span=> ::core::option::Option::None),
        Some(function) => quote_spanned!(span=> ::core::option::Option::Some(#function as fn() -> #ty)),
    }
}
