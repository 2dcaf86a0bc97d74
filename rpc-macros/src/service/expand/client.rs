use proc_macro2::{Delimiter, Group, Ident, Span, TokenStream};
use quote::{ToTokens, quote_spanned};

use super::super::ast::{Method, Param, Service, State};
use super::fragments::{lints, method_lints, result_types};
use super::stream;
use crate::spans::{at, krate_at};
use crate::types;

/// Generates the client's type. It has a method for each of the trait's, which builds a call from its arguments.
///
/// ```text
/// // Output:
/// client! {
///     #[derive(Clone, Debug)]
///     pub struct UsersClient { client: Client }
///     impl UsersClient {
///         pub fn new(client: Client) -> Self { .. }
///         pub fn get(&self, id: u64) -> Call<User, UserError> { call(&self.client, __UsersSpec::get, (id,)) }
///     }
///     both! { impl UsersClient { pub fn of(service: impl Users) -> Self { .. } } }
///     impl From<Client> for UsersClient { .. }
///     impl Describe for UsersClient { .. }
///     peers! { impl FromPeer for UsersClient { .. } }
/// }
/// ```
pub(super) fn expand(service: &Service) -> TokenStream {
    let span = Span::mixed_site();
    let krate = &service.krate;
    let structure = structure(service);
    let traits = traits(service);
    quote_spanned! {span=>
        #krate::__private::client! {
            #structure
            #traits
        }
    }
}

fn structure(service: &Service) -> TokenStream {
    let span = Span::mixed_site();
    let lints = lints(service);
    let Service { krate, names, item, type_attrs, .. } = service;
    let (vis, client) = (&item.vis, &names.client);
    let facade = krate.to_token_stream().to_string().replace(' ', "");
    let has_streams = service.methods.iter().any(|method| stream::of(method).is_some());
    let stream_call = if has_streams { format!(" or a [`StreamCall`]({facade}::StreamCall)") } else { String::new() };
    let docs = format!(
        " Calls [`{}`] over a client: every method returns a [`Call`]({facade}::Call){stream_call}, sent when awaited.",
        item.ident,
    );
    let constructor = constructor(service);
    let of = of(service);
    let methods = service.methods.iter().map(|method| self::method(method, service));
    quote_spanned! {span=>
        #[doc = #docs]
        #(#type_attrs)*
        #lints
        #[derive(::core::clone::Clone, ::core::fmt::Debug)]
        #vis struct #client {
            client: #krate::Client,
        }

        #lints
        impl #client {
            #constructor
            #(#methods)*
        }

        #of
    }
}

/// Generates `new`, unless the service has a method of this name. `From` is always generated.
fn constructor(service: &Service) -> Option<TokenStream> {
    if service.methods.iter().any(|method| method.ident == "new") {
        return None;
    }
    let (krate, vis) = (&service.krate, &service.item.vis);
    Some(quote_spanned! {Span::mixed_site()=>
        /// Makes a client of the service that sends through `client`.
        #vis fn new(client: #krate::Client) -> Self {
            Self { client }
        }
    })
}

/// Generates `of`, unless the service has a method of this name. `of` needs the server's and the client's type.
///
/// ```text
/// // Output:
/// both! { impl UsersClient { pub fn of(service: impl Users) -> Self { .. } } }
/// ```
fn of(service: &Service) -> Option<TokenStream> {
    if service.state != State::Complete || service.methods.iter().any(|method| method.ident == "of") {
        return None;
    }
    let lints = lints(service);
    let Service { krate, names, item, .. } = service;
    let (vis, ident, client, server) = (&item.vis, &item.ident, &names.client, &names.server);
    Some(quote_spanned! {Span::mixed_site()=>
        #krate::__private::both! {
            #lints
            impl #client {
                /// Makes a client of an implementation in the same process, such as a fake in a test.
                ///
                /// Calls pass through a server, as over a socket. Callers have every role that the service requires. To
                /// change settings of the client or the server, build both: see `rpc::Client::in_process`.
                #vis fn of(service: impl #ident) -> Self {
                    Self { client: #krate::__private::of(#server::new(service)) }
                }
            }
        }
    })
}

fn traits(service: &Service) -> TokenStream {
    let span = Span::mixed_site();
    let lints = lints(service);
    let Service { krate, names, .. } = service;
    let (client, spec) = (&names.client, &names.spec);
    quote_spanned! {span=>
        #lints
        impl ::core::convert::From<#krate::Client> for #client {
            fn from(client: #krate::Client) -> Self {
                Self { client }
            }
        }

        #lints
        impl #krate::Describe for #client {
            const SPEC: &'static #krate::ServiceSpec = <#spec as #krate::Describe>::SPEC;
        }

        #krate::__private::peers! {
            #lints
            impl #krate::FromPeer for #client {
                fn from_peer(peer: &#krate::Peer) -> Self {
                    Self { client: <#krate::Client as #krate::FromPeer>::from_peer(peer) }
                }
            }
        }
    }
}

/// Generates one method.
///
/// ```text
/// // Input:
/// async fn create(&self, name: String, age: u8) -> Result<User, UserError>;
/// // Output:
/// pub fn create(&self, name: impl Into<String>, age: u8) -> Call<User, UserError> {
///     call(&self.client, __UsersSpec::create, (Into::<String>::into(name), age))
/// }
/// // Input:
/// fn ticks(&self, symbol: String, after: After<u64>) -> impl Stream<Item = At<u64, Tick>> + Send;
/// // Output:
/// pub fn ticks(&self, symbol: impl Into<String>) -> StreamCall<Tick, Infallible, u64> {
///     stream(&self.client, __MarketSpec::ticks, (Into::<String>::into(symbol),))
/// }
/// ```
fn method(method: &Method, service: &Service) -> TokenStream {
    let span = Span::mixed_site();
    let Service { krate, names, item, .. } = service;
    let (vis, spec) = (&item.vis, &names.spec);
    let Method { ident, shared_attrs, .. } = method;
    let stream = stream::of(method);
    let docs = format!(" {} `{}`.", if stream.is_some() { "Opens the stream" } else { "Calls" }, method.wire);
    // An empty line separates it from the user's documentation, as a paragraph.
    let gap = (!method.docs.is_empty()).then(|| quote_spanned!(span=> #[doc = ""]));
    let lints = method_lints(method);
    let params = method.passed_params().map(parameter);
    let values = values(method);
    let (ok, err) = result_types(&method.output, krate);
    let krate_here = krate_at(krate, ident);
    let function = Ident::new(if stream.is_some() { "stream" } else { "call" }, at(ident));
    let call = quote_spanned! {at(ident)=>
        #krate_here::__private::#function(&self.client, #spec::#ident, #values)
    };
    let ty = match stream.map(stream::cursor_type) {
        Some(cursor) => quote_spanned!(span=> StreamCall<#ok, #err, #cursor>),
        None => quote_spanned!(span=> Call<#ok, #err>),
    };
    quote_spanned! {span=>
        #(#shared_attrs)*
        #gap
        #[doc = #docs]
        #lints
        // A function with `#[inline]` is compiled only where it is called.
        #[inline]
        #vis fn #ident(&self, #(#params),*) -> #krate::#ty {
            #call
        }
    }
}

fn parameter(Param { ident, ty, .. }: &Param) -> TokenStream {
    let span = Span::mixed_site();
    if types::is_string(ty) {
        quote_spanned!(span=> #ident: impl ::core::convert::Into<#ty>)
    } else {
        quote_spanned!(span=> #ident: #ty)
    }
}

/// Generates the tuple of arguments. It keeps the user's span, so the compiler reports an unserializable argument
/// there.
fn values(method: &Method) -> Group {
    let values = method.passed_params().map(value);
    let mut tuple = Group::new(Delimiter::Parenthesis, quote_spanned!(Span::mixed_site()=> #(#values,)*));
    tuple.set_span(method.ident.span());
    tuple
}

fn value(Param { ident, ty, .. }: &Param) -> TokenStream {
    if types::is_string(ty) {
        quote_spanned!(Span::mixed_site()=> ::core::convert::Into::<#ty>::into(#ident))
    } else {
        ident.to_token_stream()
    }
}
