//! The server's OpenRPC description, as the method `rpc.discover` and the page `/openrpc.json`. It is made once, when
//! the server is built. rpc-core writes the document.

use std::sync::Arc;

use bytes::Bytes;
use http::StatusCode;
use rpc_core::__private::{DocumentedMethod, MethodTypes, TypeSpec, describe};
use rpc_core::codec::Responder;
use rpc_core::openrpc::{Document, Info};
use rpc_core::params::decode;
use rpc_core::{MethodRef, MethodSpec};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::call::Call;
use crate::fault::Fault;
use crate::handler::{FnHandler, Handler, StartedHandler, refuse};
use crate::page::{Page, PageBody, Pages, RenderedPage, Roles};
use crate::table::{Methods, Row};

static DISCOVER: &MethodSpec = &MethodSpec::new("rpc.discover")
    .readonly()
    .docs("Describes the methods of the server, as an OpenRPC document.")
    .openrpc(&MethodTypes::new(&[], TypeSpec::of::<Map<String, Value>>()));

/// The path of the page.
pub(crate) const PATH: &str = "/openrpc.json";

/// Describes all methods, including `rpc.discover`, and adds that method and the page. The method requires the same
/// roles as the page.
#[track_caller]
pub(crate) fn serve(info: &Info, requires: Option<Roles>, methods: &mut Methods, pages: &mut Pages) {
    let method: MethodRef = requires.map_or(DISCOVER.into(), |roles| DISCOVER.clone().requires(roles).into());
    let own = DocumentedMethod { method: &method, service: None };
    let document = describe(info, methods.described().chain([own]));
    methods.add_own(Row::new(method, discover(&document)));
    let text = Bytes::from(document.to_string());
    pages.add(Page::new(PATH, move || {
        let body = PageBody::Shared(text.clone());
        Box::pin(async { RenderedPage { status: StatusCode::OK, content_type: "application/json", body } })
    }));
    methods.description = Some(document);
}

fn discover(document: &Document) -> Arc<dyn Handler> {
    let text: Box<RawValue> = serde_json::value::to_raw_value(document).expect("what is JSON can be written as JSON");
    Arc::new(FnHandler(move |call: &Call<'_>, responder: &mut Responder<'_>| {
        match decode::<()>(call.params, call.method, &()) {
            Ok(()) => StartedHandler::Done(responder.result(&text).map_err(Fault::from)),
            Err(error) => refuse(error, responder),
        }
    }))
}
