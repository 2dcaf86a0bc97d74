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
    pub(crate) lookup: Lookup,
    /// The name by which it was called.
    pub(crate) name: &'a str,
    pub(crate) params: Option<&'a str>,
    /// The id's text. A call that was owned has only a placeholder here, and its id in its context.
    pub(crate) id: Option<IdRef<'a>>,
    /// The bytes of which the params are a part.
    pub(crate) body: &'a Bytes,
    pub(crate) request: &'a Arc<RequestContext>,
    pub(crate) form: Form,
    /// Until when the caller waits, by the clock of the request.
    pub(crate) deadline: Option<Instant>,
    /// The load of the connection that it came by.
    pub(crate) load: &'a Arc<ConnectionLoad>,
    pub(crate) in_flight: &'a Arc<InFlight>,
    /// What the handler is told, once that is made.
    pub(crate) context: Option<&'a Context>,
}

/// A call that owns its data. Keyed, layered and detached calls use it, because they can outlive the request.
#[derive(Debug)]
pub(crate) struct OwnedCall {
    context: Context,
    lookup: Lookup,
    pub(crate) params: Option<Bytes>,
    form: Form,
    pub(crate) load: Arc<ConnectionLoad>,
    pub(crate) in_flight: Arc<InFlight>,
}

/// Says whether the server has the method of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    Found,
    /// The server has no such method, and `Call::method` stands in for all unknown ones. The caller has made up the
    /// name, so it must not become a label.
    Unknown,
}

/// Whether a call came alone or in a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// The request is one call.
    Single,
    /// The request is a batch, and the call an entry of it.
    Entry,
}

/// Stands for the id of an owned call wherever its text is not needed.
const PLACEHOLDER: IdRef<'static> = IdRef::NULL;

/// The body of a call without params.
static NO_PARAMS: Bytes = Bytes::new();

impl Call<'_> {
    /// Returns the name of the method: its own for a call by an alias, and the name as it came where the server does
    /// not have the method.
    pub(crate) fn method_name(&self) -> &str {
        match self.lookup {
            Lookup::Found => &self.method.name,
            Lookup::Unknown => self.name,
        }
    }

    /// Cancels the request, because the caller's deadline has passed.
    #[cold]
    pub(crate) fn expire(&self) {
        // The time that a method has by default is its own, and says nothing of the other entries of a batch.
        if self.form == Form::Single || self.request.deadline().is_some() {
            self.request.cancel();
        }
    }

    /// Returns what the handler is told.
    pub(crate) fn context(&self) -> Context {
        if let Some(context) = self.context {
            return context.clone();
        }
        let method = match self.lookup {
            Lookup::Found => self.method.clone(),
            Lookup::Unknown => self.stand_in(),
        };
        let context =
            Context::new(method, self.id.map(IdRef::to_id), Arc::clone(self.request)).with_place(self.place());
        match self.deadline {
            Some(deadline) => context.with_deadline(deadline),
            None => context,
        }
    }

    /// Returns the method that stands in for all unknown ones, under the name by which it was called.
    #[cold]
    fn stand_in(&self) -> MethodRef {
        let mut method = MethodSpec::clone(self.method);
        method.name = self.name.to_owned().into();
        method.into()
    }

    /// Returns where the call stands in its request: how far from the beginning its params are, or else its id.
    fn place(&self) -> usize {
        let text = self.params.or(self.id.map(IdRef::as_json)).unwrap_or(self.name);
        text.as_ptr().addr().wrapping_sub(self.body.as_ptr().addr())
    }

    /// Returns the params as a part of the request's body, which they hold.
    pub(crate) fn shared_params(&self) -> Option<Bytes> {
        self.params.map(|params| self.body.slice_ref(params.as_bytes()))
    }

    /// Makes the owned form.
    pub(crate) fn to_owned(&self) -> OwnedCall {
        OwnedCall { params: self.shared_params(), ..self.without_params() }
    }

    /// Makes the owned form of a call whose params are kept elsewhere, or are read already.
    pub(crate) fn without_params(&self) -> OwnedCall {
        OwnedCall {
            context: self.context(),
            lookup: self.lookup,
            params: None,
            form: self.form,
            load: Arc::clone(self.load),
            in_flight: Arc::clone(self.in_flight),
        }
    }
}

impl OwnedCall {
    /// Notes the key under which the call runs at most once.
    pub(crate) fn with_key(mut self, key: IdempotencyKey) -> Self {
        self.context = self.context.with_idempotency_key(key);
        self
    }

    /// Returns what the handler is told.
    pub(crate) fn context(&self) -> &Context {
        &self.context
    }

    pub(crate) fn method(&self) -> &MethodRef {
        self.context.parts().0
    }

    pub(crate) fn request(&self) -> &Arc<RequestContext> {
        self.context.parts().1
    }

    /// Tells whether the server has the method.
    pub(crate) fn is_known(&self) -> bool {
        self.lookup == Lookup::Found
    }

    /// Tells whether the call runs under a key.
    #[cfg(feature = "rate-limit")]
    pub(crate) fn has_key(&self) -> bool {
        self.context.idempotency_key().is_some()
    }

    /// Tells whether the request was cancelled, or the caller's deadline has passed.
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
            // The context has the name as it came.
            lookup: self.lookup,
            name: &method.name,
            params: params.and_then(|params| std::str::from_utf8(params).ok()),
            id: self.context.id().map(|_| PLACEHOLDER),
            body: params.unwrap_or(&NO_PARAMS),
            request,
            form: self.form,
            deadline,
            load: &self.load,
            in_flight: &self.in_flight,
            context: Some(&self.context),
        }
    }
}
