//! The code behind `UsersClient::of`: a service and its client in one process.

use std::collections::BTreeSet;
use std::future::ready;
use std::sync::Arc;

use crate::auth::Denied;
use crate::{Client, Principal, RequestContext, Server, Service};

/// Makes a client of a server that has only this service.
///
/// A service that requires roles gets a caller who has all of them.
pub fn of<S: Service>(service: S) -> Client {
    let requires = S::SPEC.methods.iter().filter_map(|method| method.requires);
    let roles: Vec<_> = requires.collect();
    let mut builder = Server::builder().service(service);
    if !roles.is_empty() {
        let roles: BTreeSet<_> = roles.into_iter().flatten().copied().collect();
        let caller = roles.into_iter().fold(Principal::new("fake"), Principal::with_role);
        builder = builder.authenticate(move |_: Arc<RequestContext>| ready(Ok::<_, Denied>(Some(caller.clone()))));
    }
    Client::in_process(&builder.build())
}
