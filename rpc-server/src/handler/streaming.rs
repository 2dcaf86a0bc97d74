//! Handlers of trait methods that answer with a stream. The macros' expansions call [`streaming`].

use std::marker::PhantomData;
use std::sync::Arc;

use rpc_core::codec::Responder;
use rpc_core::params::{Decode, decode};
use rpc_core::{ErrorObject, MethodSpec};

use super::{FromCall, Handler, StartedHandler, refuse};
use crate::call::Call;
use crate::stream::{AcceptingStream, StreamPermit, StreamPort};
use crate::table::Row;

/// Makes the row of a trait method that answers with a stream.
#[doc(hidden)]
pub fn streaming<S, P, C, F, Fut>(service: &Arc<S>, spec: &'static MethodSpec, defaults: P::Defaults, run: F) -> Row
where
    S: Send + Sync + 'static,
    P: Decode,
    C: FromCall,
    F: Fn(Arc<S>, P, C, StreamPort) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<(), ErrorObject>> + Send + 'static,
{
    let service = Arc::clone(service);
    Row::new(spec, Arc::new(StreamHandler { service, defaults, run, types: PhantomData }))
}

/// The handler of a trait method that answers with a stream.
struct StreamHandler<S, P: Decode, C, F> {
    service: Arc<S>,
    defaults: P::Defaults,
    run: F,
    types: PhantomData<fn(C)>,
}

impl<S, P, C, F, Fut> Handler for StreamHandler<S, P, C, F>
where
    S: Send + Sync + 'static,
    P: Decode,
    C: FromCall,
    F: Fn(Arc<S>, P, C, StreamPort) -> Fut + Send + Sync,
    Fut: Future<Output = Result<(), ErrorObject>> + Send + 'static,
{
    fn start(&self, call: &Call<'_>, responder: &mut Responder<'_>) -> StartedHandler {
        let permit = match StreamPermit::of(call, responder) {
            Ok(permit) => permit,
            Err(fault) => return StartedHandler::Done(Err(fault)),
        };
        match decode::<P>(call.params, call.method, &self.defaults) {
            Ok(params) => {
                let (service, context) = (Arc::clone(&self.service), C::from_call(call));
                let handler = |port| Box::pin((self.run)(service, params, context, port)) as _;
                StartedHandler::Running(Box::pin(AcceptingStream::start(permit, call, handler)))
            }
            Err(error) => refuse(error, responder),
        }
    }
}
