//! Generates the code of a service. All decisions are made before.

mod arc;
mod client;
mod contract;
mod fragments;
mod guard;
mod openrpc;
mod server;
mod spec;
mod stream;

use proc_macro2::TokenStream;
use quote::quote;

use super::ast::{Service, State};

/// Generates the trait and all items made from it.
pub(crate) fn service(service: &Service) -> TokenStream {
    let contract = contract::expand(service);
    if service.state == State::Unusable {
        return contract;
    }
    let arc = (service.state == State::Complete).then(|| arc::expand(service));
    let guard = guard::expand(service);
    let needs_openrpc = openrpc::needs_feature(service);
    let spec = spec::expand(service);
    let server = server::expand(service);
    let client = client::expand(service);
    quote!(#contract #arc #guard #needs_openrpc #spec #server #client)
}
