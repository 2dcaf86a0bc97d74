//! JSON-RPC 2.0 as types, shared by the `rpc` server and client.
//!
//! Most users want the facade crate `rpc`, which re-exports what they need from here. Only those exports are stable.
//! This crate performs no I/O and has no runtime. Bytes come in and are classified once, and the code that decodes
//! params or results gets borrowed views of them. That code is hidden, because only the server and the client call it.
//!
//! | you want | look at |
//! |---|---|
//! | ids, echoed byte for byte | [`Id`] |
//! | undecoded params | [`Params`] |
//! | errors | [`ErrorObject`], [`ErrorCode`], [`RpcError`] |
//! | what each error code means to servers, gateways and clients | [`codes`] |
//! | the category of an error, and whether its call ran | [`ErrorKind`], [`Outcome`] |
//! | the description of a service | [`ServiceSpec`], [`MethodSpec`] |
//! | what a handler can ask about its call | [`Context`] |
//! | the framework's HTTP headers | [`headers`] |
//! | the answer to bytes | [`Dispatch`] |
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::print_stdout)]

mod answer_status;
mod chain;
mod code;
#[doc(hidden)]
pub mod codec;
pub mod codes;
#[doc(hidden)]
pub mod contain;
mod context;
mod denial;
mod denied;
mod dispatch;
mod error;
mod error_kind;
mod excerpt;
mod features;
mod finite;
mod framing;
pub mod headers;
mod id;
mod idempotency_key;
mod inherit;
mod internal;
mod json;
mod key_refusal;
mod message;
#[cfg(feature = "openrpc")]
pub mod openrpc;
mod outcome;
#[doc(hidden)]
pub mod params;
mod peer;
mod plain;
mod principal;
mod rpc_error;
mod scope;
mod session;
mod settings;
mod spec;
mod stream;
mod stream_end;
#[cfg(feature = "telemetry")]
mod telemetry;
mod threads;

pub use answer_status::AnswerStatus;
pub use code::ErrorCode;
pub use context::{Context, RequestContext, ResponseHeaderError};
pub use denial::Denial;
pub use denied::Denied;
pub use dispatch::{Answer, Dispatch};
pub use error::ErrorObject;
pub use error_kind::ErrorKind;
pub use framing::Framing;
pub use id::Id;
pub use idempotency_key::IdempotencyKey;
pub use internal::{Internal, InternalExt};
pub use key_refusal::KeyRefusal;
pub use outcome::Outcome;
pub use params::Params;
pub use peer::{FromPeer, NoPeer, Outbound, Peer};
pub use principal::Principal;
pub use rpc_error::{ErrorSet, ErrorSpec, RpcError};
pub use session::{Session, SessionEvent, SessionProtocol};
pub use spec::{Describe, Effect, MethodKind, MethodSpec, ParamSpec, ServiceSpec};
pub use stream::{After, AnswerStream, At, Lag, Shared, Stream, StreamMessage, StreamMessages, StreamSpec};
pub use stream_end::StreamEnd;
#[cfg(feature = "telemetry")]
pub use telemetry::{Propagate, SpanId, Telemetry, TraceContext, TraceId};
pub use threads::{BoxFuture, MaybeSend, MaybeSync};

#[cfg(feature = "openrpc")]
pub use schemars;

// Shared by the server and the client, and of no use to users.
#[doc(hidden)]
pub use chain::{SharedError, chain_text};
#[doc(hidden)]
pub use excerpt::Excerpt;
#[doc(hidden)]
pub use id::IdRef;
#[doc(hidden)]
pub use inherit::InheritedTimeLimit;
#[doc(hidden)]
pub use message::{InvalidRequest, Message, Packet, Request};
#[doc(hidden)]
pub use rpc_error::UpstreamError;
#[doc(hidden)]
pub use spec::MethodRef;

#[doc(hidden)]
pub mod __private {
    //! Called by the macros' expansions, and shared by the framework's own crates. Not a public interface.
    pub use crate::features::{FeatureOpenrpc, FeaturePrometheus, FeatureServerTls, FeatureTelemetry, FeatureTls};
    pub use crate::internal::encode_internal;
    #[cfg(feature = "openrpc")]
    pub use crate::openrpc::{DataTypes, DefaultOf, DocumentedMethod, MethodTypes, TypeSpec, Unwritten, describe};
    pub use crate::params::{Decode, Encode, Fields, Whole, decode, encode_params};
    pub use crate::rpc_error::{Field, FieldOfOther, FieldOfUpstream, assert_error, decode_error, encode_error};
    pub use crate::spec::{PlainReturn, ResultParts, ReturnGuard, refuse_alias};
    pub use crate::stream::{assert_cursor, assert_item_error};
    pub use crate::{
        __rpc_needs_feature as needs_feature, __rpc_needs_openrpc as needs_openrpc, __rpc_openrpc as openrpc,
        __rpc_settings as settings,
    };
}

/// Keeps the types of a service or an error, for its OpenRPC description.
#[cfg(feature = "openrpc")]
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_openrpc {
    ({ $($spec:tt)* } $($types:tt)*) => { $($spec)*.openrpc($($types)*) };
}

/// Drops the types.
#[cfg(not(feature = "openrpc"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_openrpc {
    ({ $($spec:tt)* } $($types:tt)*) => { $($spec)* };
}

/// Does nothing, because the feature is on.
#[cfg(feature = "openrpc")]
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_needs_openrpc {
    () => {};
}

/// Reports the missing feature once.
#[cfg(not(feature = "openrpc"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_needs_openrpc {
    () => {
        ::core::compile_error!("`openrpc` needs the feature of that name: `rpc = { features = [\"openrpc\", ..] }`");
    };
}

/// Exports what descriptions need. The choice is made in this crate and not by a feature of the facade, because the
/// tests turn on features of the other crates only.
#[cfg(feature = "openrpc")]
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_export_openrpc {
    () => {
        pub use $crate::{openrpc, schemars};
    };
}

/// Exports nothing.
#[cfg(not(feature = "openrpc"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_export_openrpc {
    () => {};
}

/// Exports what telemetry needs. The choice is made in this crate and not by a feature of the facade, because the tests
/// turn on features of the other crates only.
#[cfg(feature = "telemetry")]
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_export_telemetry {
    () => {
        pub use $crate::{Propagate, SpanId, Telemetry, TraceContext, TraceId};
    };
}

/// Exports nothing.
#[cfg(not(feature = "telemetry"))]
#[doc(hidden)]
#[macro_export]
macro_rules! __rpc_export_telemetry {
    () => {};
}
