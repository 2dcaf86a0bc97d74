//! A parsed request body: one message or a batch, each message classified as call, notification or invalid.
//! `codec::parse` makes it. All of it borrows from the bytes of the body.

use std::borrow::Cow;

use crate::IdRef;

/// The content of a request's body, [section 6](https://www.jsonrpc.org/specification#batch).
#[derive(Debug)]
pub enum Packet<'a> {
    /// One message.
    Single(Message<'a>),
    /// A batch of at least one message.
    Batch(Vec<Message<'a>>),
}

/// A message, classified once.
#[derive(Debug)]
pub enum Message<'a> {
    /// A request that expects an answer.
    Call(IdRef<'a>, Request<'a>),
    /// A request without an id. It gets no answer.
    Notification(Request<'a>),
    /// JSON that is not a request.
    Invalid(InvalidRequest<'a>),
}

/// The method and params of a call or a notification.
#[derive(Debug)]
pub struct Request<'a> {
    /// The method's name, with its escapes resolved.
    pub method: Cow<'a, str>,
    /// The JSON text of the params, an array or an object.
    pub params: Option<&'a str>,
}

/// Why JSON is not a request.
#[derive(Debug)]
pub struct InvalidRequest<'a> {
    /// The id for the answer: the message's own, or null if it has no trustworthy one.
    pub id: IdRef<'a>,
    /// What is wrong.
    pub reason: &'static str,
}
