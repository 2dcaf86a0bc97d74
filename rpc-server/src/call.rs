//! One JSON-RPC call on its way to its handler. [`Call`] borrows from the request; [`OwnedCall`] holds its own data
//! and outlives the request. The server keeps an `OwnedCall` for keyed, layered and detached calls. This file holds
//! data and the conversions between both forms. It runs nothing and knows no handler.

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use rpc_core::{Context, IdRef, IdempotencyKey, MethodRef, MethodSpec, RequestContext};

use crate::in_flight::InFlight;
use crate::load::ConnectionLoad;

/// A call, or a notification, on its way to its handler.
#[derive(Debug)]
#[allow(unreachable_pub, reason = "the sealed trait behind a public one names it")]
pub struct Call<'a> {
    pub(crate) method: &'a MethodRef,
    pub(crate) lookup: MethodLookup,
    /// The name in the request.
    pub(crate) name: &'a str,
    pub(crate) params: Option<&'a str>,
    /// The text of the id. A borrowed `OwnedCall` has only a placeholder here, and its id in its context.
    pub(crate) id: Option<IdRef<'a>>,
    /// The bytes that contain the params.
    pub(crate) body: &'a Bytes,
    pub(crate) request: &'a Arc<RequestContext>,
    pub(crate) shape: RequestShape,
    /// The caller's deadline, by the clock of the request.
    pub(crate) deadline: Option<Instant>,
    /// The load of the connection that carried the call.
    pub(crate) load: &'a Arc<ConnectionLoad>,
    pub(crate) in_flight: &'a Arc<InFlight>,
    /// The handler's context, if it exists already.
    pub(crate) context: Option<&'a Context>,
}

/// A call that owns its data. Keyed, layered and detached calls use it, because they can outlive the request.
#[derive(Debug)]
pub(crate) struct OwnedCall {
    context: Context,
    lookup: MethodLookup,
    pub(crate) params: Option<Bytes>,
    shape: RequestShape,
    pub(crate) load: Arc<ConnectionLoad>,
    pub(crate) in_flight: Arc<InFlight>,
}

/// Whether the server has the method of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MethodLookup {
    Found,
    /// The server does not have the method, and `Call::method` stands for all unknown ones. The caller chose the name,
    /// so it must not become a label.
    Unknown,
}

/// Whether a call came alone or in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestShape {
    /// The request is one call.
    Single,
    /// The request is a batch, and the call an entry of it.
    Entry,
}

/// The id of an owned call, wherever the text of the id is not needed.
const PLACEHOLDER: IdRef<'static> = IdRef::NULL;

/// The body of a call without params.
static NO_PARAMS: Bytes = Bytes::new();

impl Call<'_> {
    /// Returns the method's own name, also for a call by an alias. For an unknown method, returns the name in the
    /// request.
    pub(crate) fn method_name(&self) -> &str {
        match self.lookup {
            MethodLookup::Found => &self.method.name,
            MethodLookup::Unknown => self.name,
        }
    }

    /// Cancels the request, because the caller's deadline has passed.
    #[cold]
    pub(crate) fn expire(&self) {
        // A method's default timeout concerns only its own call, and not the other entries of a batch.
        if self.shape == RequestShape::Single || self.request.deadline().is_some() {
            self.request.cancel();
        }
    }

    /// Returns the handler's context.
    pub(crate) fn context(&self) -> Context {
        if let Some(context) = self.context {
            return context.clone();
        }
        let method = match self.lookup {
            MethodLookup::Found => self.method.clone(),
            MethodLookup::Unknown => self.stand_in(),
        };
        let context =
            Context::new(method, self.id.map(IdRef::to_id), Arc::clone(self.request)).with_place(self.place());
        match self.deadline {
            Some(deadline) => context.with_deadline(deadline),
            None => context,
        }
    }

    /// Returns the method that stands for all unknown ones, under the name in the request.
    #[cold]
    fn stand_in(&self) -> MethodRef {
        let mut method = MethodSpec::clone(self.method);
        method.name = self.name.to_owned().into();
        method.into()
    }

    /// Returns the position of the call in its request: the offset of its params, else of its id, else of its name.
    fn place(&self) -> usize {
        let text = self.params.or(self.id.map(IdRef::as_json)).unwrap_or(self.name);
        text.as_ptr().addr().wrapping_sub(self.body.as_ptr().addr())
    }

    /// Returns the params as a slice of the request's body. They keep the body alive.
    pub(crate) fn shared_params(&self) -> Option<Bytes> {
        self.params.map(|params| self.body.slice_ref(params.as_bytes()))
    }

    /// Converts the call to its owned form.
    pub(crate) fn to_owned(&self) -> OwnedCall {
        OwnedCall { params: self.shared_params(), ..self.without_params() }
    }

    /// Converts the call to its owned form without the params, which are stored elsewhere or already decoded.
    pub(crate) fn without_params(&self) -> OwnedCall {
        OwnedCall {
            context: self.context(),
            lookup: self.lookup,
            params: None,
            shape: self.shape,
            load: Arc::clone(self.load),
            in_flight: Arc::clone(self.in_flight),
        }
    }
}

impl OwnedCall {
    /// Sets the key under which the call runs at most once.
    pub(crate) fn with_key(mut self, key: IdempotencyKey) -> Self {
        self.context = self.context.with_idempotency_key(key);
        self
    }

    /// Returns the handler's context.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    pub(crate) fn method(&self) -> &MethodRef {
        self.context.parts().0
    }

    pub(crate) fn request(&self) -> &Arc<RequestContext> {
        self.context.parts().1
    }

    /// Returns whether the server has the method.
    pub(crate) fn is_known(&self) -> bool {
        self.lookup == MethodLookup::Found
    }

    /// Returns whether the call runs under a key.
    #[cfg(feature = "rate-limit")]
    pub(crate) fn has_key(&self) -> bool {
        self.context.idempotency_key().is_some()
    }

    /// Returns whether the request was cancelled, or the caller's deadline has passed.
    pub(crate) fn is_late(&self) -> bool {
        let (_, request, deadline) = self.context.parts();
        request.is_cancelled() || deadline.is_some_and(|deadline| deadline <= request.now())
    }

    /// Borrows the call.
    pub(crate) fn borrow(&self) -> Call<'_> {
        self.borrow_with(self.params.as_ref())
    }

    /// Borrows the call with these params.
    pub(crate) fn borrow_with<'a>(&'a self, params: Option<&'a Bytes>) -> Call<'a> {
        let (method, request, deadline) = self.context.parts();
        Call {
            method,
            // The context has the name in the request.
            lookup: self.lookup,
            name: &method.name,
            params: params.and_then(|params| std::str::from_utf8(params).ok()),
            id: self.context.id().map(|_| PLACEHOLDER),
            body: params.unwrap_or(&NO_PARAMS),
            request,
            shape: self.shape,
            deadline,
            load: &self.load,
            in_flight: &self.in_flight,
            context: Some(&self.context),
        }
    }
}
