//! A parsed request body: one message or a batch, each message classified as call, notification or invalid.
//! `codec::parse` makes it; everything borrows from the bytes of the body.

use std::borrow::Cow;

use crate::IdRef;

/// What a request's body holds, [section 6](https://www.jsonrpc.org/specification#batch).
#[derive(Debug)]
pub enum Packet<'a> {
    /// One message.
    Single(Message<'a>),
    /// A batch of at least one.
    Batch(Vec<Message<'a>>),
}

/// A message, classified once.
#[derive(Debug)]
pub enum Message<'a> {
    /// A request that wants an answer.
    Call(IdRef<'a>, Request<'a>),
    /// A request without an id, which is not answered.
    Notification(Request<'a>),
    /// JSON that is no request.
    Invalid(Invalid<'a>),
}

/// What a call and a notification have in common.
#[derive(Debug)]
pub struct Request<'a> {
    /// The method's name, escapes resolved.
    pub method: Cow<'a, str>,
    /// The JSON text of the params, an array or an object.
    pub params: Option<&'a str>,
}

/// Says why JSON is no request.
#[derive(Debug)]
pub struct Invalid<'a> {
    /// The id to answer with: the message's own, or null where it has none that could be trusted.
    pub id: IdRef<'a>,
    /// What is wrong.
    pub reason: &'static str,
}
