use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use http::HeaderMap;
use rpc_core::{Id, codec};

use super::{Entry, Options};
use crate::client::Client;
use crate::error::{Answer, Answered};
use crate::exchange::exchange;
use crate::failure::{Failure, Outcome};
use crate::replies::{self, Replies};

/// Sends the entries and returns an answer for each, in their order.
pub(super) async fn send(client: Client, entries: Vec<Entry>, options: Options) -> Result<Vec<Answered>, Failure> {
    if let Some(failure) = options.failure {
        return Err(failure);
    }
    let mut answers: Vec<Option<Answered>> = entries.iter().map(|_| None).collect();
    let mut groups: Vec<Group> = Vec::new();
    let count = entries.len();
    for (index, entry) in entries.into_iter().enumerate() {
        let deadline = entry.parts.budget(&client);
        match entry.parts.request {
            // What cannot be sent fails alone; the others go.
            Err(failure) => answers[index] = Some(Err(failure)),
            Ok(request) => {
                let headers = entry.parts.headers;
                let known = groups.iter().position(|group| group.headers == headers);
                let known = known.unwrap_or_else(|| {
                    // Most batches are one group.
                    groups.push(Group::new(headers, if groups.is_empty() { count } else { 0 }));
                    groups.len() - 1
                });
                let group = &mut groups[known];
                group.deadline = group.deadline.max(deadline);
                group.entries.push(Sending { index, request, wants_answer: entry.wants_answer });
            }
        }
    }
    let sent = join_all(groups.iter().map(|group| group.send(&client, options.deadline, &options.headers))).await;
    let is_unsent =
        |sent: &Result<_, Failure>| sent.as_ref().is_err_and(|failure| failure.outcome() == Outcome::NotSent);
    let nothing_sent = sent.iter().all(is_unsent);
    for (group, sent) in groups.iter().zip(sent) {
        let sent = match sent {
            Err(failure) if nothing_sent => return Err(failure),
            sent => sent,
        };
        group.hand_out(sent, &mut answers);
    }
    Ok(answers.into_iter().map(|answer| answer.expect("each entry is in a group or has failed")).collect())
}

/// The part of a batch that goes in one request, since its entries have the same headers.
struct Group {
    headers: Option<Box<HeaderMap>>,
    deadline: Duration,
    entries: Vec<Sending>,
}

struct Sending {
    index: usize,
    request: Vec<u8>,
    wants_answer: bool,
}

impl Group {
    /// Makes a group with room for so many entries.
    fn new(headers: Option<Box<HeaderMap>>, room: usize) -> Self {
        Self { headers, deadline: Duration::ZERO, entries: Vec::with_capacity(room) }
    }

    fn calls(&self) -> impl Iterator<Item = &Sending> {
        self.entries.iter().filter(|entry| entry.wants_answer)
    }

    async fn send(&self, client: &Client, deadline: Option<Duration>, headers: &HeaderMap) -> Result<Replies, Failure> {
        let calls = self.calls().count();
        let first_id = client.take_ids(calls);
        let joined = self.headers.as_ref().map(|own| {
            let mut joined = headers.clone();
            joined.extend(HeaderMap::clone(own));
            joined
        });
        let headers = joined.as_ref().unwrap_or(headers);
        let body = self.body(first_id);
        let answer = exchange(client, body, Some(headers), deadline.unwrap_or(self.deadline)).await?;
        if calls == 0 {
            return Ok(match replies::single(&answer, None)? {
                Answer::Result(_) => Ok(Vec::new()),
                Answer::Error(error) | Answer::OfRequest(error) => Err(error),
            });
        }
        replies::batch(&answer, first_id, calls)
    }

    fn body(&self, first_id: u64) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.entries.iter().map(|entry| entry.request.len() + 16).sum());
        let mut ids = first_id..;
        for entry in &self.entries {
            body.push(if body.is_empty() { b'[' } else { b',' });
            body.extend_from_slice(&entry.request);
            let id = if entry.wants_answer { ids.next().map(Id::from) } else { None };
            codec::close_request(&mut body, id.as_ref());
        }
        body.push(b']');
        body
    }

    fn hand_out(&self, sent: Result<Replies, Failure>, answers: &mut [Option<Answered>]) {
        let mut of_calls = match sent {
            Ok(Ok(of_calls)) => of_calls.into_iter(),
            Ok(Err(error)) => return self.hand_out_to_all(answers, || Ok(Answer::OfRequest(error.clone()))),
            Err(failure) => return self.hand_out_to_all(answers, || Err(failure.duplicate())),
        };
        for entry in &self.entries {
            answers[entry.index] =
                if entry.wants_answer { of_calls.next() } else { Some(Ok(Answer::Result(Bytes::new()))) };
        }
    }

    fn hand_out_to_all(&self, answers: &mut [Option<Answered>], answer: impl Fn() -> Answered) {
        for entry in &self.entries {
            answers[entry.index] = Some(answer());
        }
    }
}
