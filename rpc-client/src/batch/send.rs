use futures_util::future::join_all;
use http::HeaderMap;
use rpc_core::Outcome;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Entry, Options};
use crate::call::{self, Identity};
use crate::client::Client;
use crate::delivery::{self, Delivery, Manner, Mint};
use crate::error::Answered;
use crate::failure::{Failure, Kind};

/// Sends the entries and returns an answer for each, in their order.
pub(super) async fn send(client: Client, entries: Vec<Entry>, options: Options) -> Result<Vec<Answered>, Failure> {
    if let Some(failure) = options.failure {
        return Err(failure);
    }
    let start = Instant::now();
    let deadline = options.deadline.map(|deadline| call::deadline(deadline, start));
    let mut answers: Vec<Option<Answered>> = entries.iter().map(|_| None).collect();
    let mut groups: Vec<Group> = Vec::new();
    let count = entries.len();
    let mut mint = Mint::default();
    let doubled = doubled_keys(&entries);
    for (index, Entry { parts, wants_answer }) in entries.into_iter().enumerate() {
        if !doubled.is_empty()
            && wants_answer
            && parts.given_key().is_some_and(|key| doubled.binary_search(&key).is_ok())
        {
            let failure = Failure::new(Kind::Builder("two calls of the batch have the same idempotency key"));
            answers[index] = Some(Err(parts.identity.unsendable(failure)));
            continue;
        }
        match parts.into_entry(&client, wants_answer, options.retry.as_ref(), &mut mint, start) {
            // What cannot be sent fails alone; the others go.
            Err(failure) => answers[index] = Some(Err(failure)),
            Ok((mut entry, manner)) => {
                entry.deadline = deadline.unwrap_or(entry.deadline);
                let known = groups.iter().position(|group| group.manner == manner);
                let known = known.unwrap_or_else(|| {
                    // Most batches are one group.
                    groups.push(Group::new(manner, if groups.is_empty() { count } else { 0 }));
                    groups.len() - 1
                });
                groups[known].indices.push(index);
                groups[known].entries.push(entry);
            }
        }
    }
    let deliver = |group: Group| async {
        let Group { indices, entries, mut manner } = group;
        manner.headers = join(&options.headers, manner.headers);
        let answered = Delivery::batch(client.clone(), manner, entries, start).run().await;
        indices.into_iter().zip(answered)
    };
    let sent = join_all(groups.into_iter().map(deliver)).await;
    give_back(answers, sent.into_iter().flatten())
}

/// Returns in order the keys that several calls have. The server would not know them apart, nor see by their exclusive
/// or whether they arrived. Keys that are made for the calls differ.
fn doubled_keys(entries: &[Entry]) -> Vec<Uuid> {
    if entries.iter().all(|entry| matches!(entry.parts.identity, Identity::Own)) {
        return Vec::new();
    }
    let given = entries.iter().filter(|entry| entry.wants_answer).filter_map(|entry| entry.parts.given_key());
    let mut given: Vec<Uuid> = given.collect();
    given.sort_unstable();
    given.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect()
}

/// The part of a batch that goes in one request, since its entries are sent in the same manner.
struct Group {
    manner: Manner,
    /// Where the entries stand in the batch.
    indices: Vec<usize>,
    entries: Vec<delivery::Entry>,
}

impl Group {
    /// Makes a group with room for so many entries.
    fn new(manner: Manner, room: usize) -> Self {
        Self { manner, indices: Vec::with_capacity(room), entries: Vec::with_capacity(room) }
    }
}

fn join(of_batch: &HeaderMap, own: Option<Box<HeaderMap>>) -> Option<Box<HeaderMap>> {
    if of_batch.is_empty() {
        return own;
    }
    let mut headers = Box::new(of_batch.clone());
    headers.extend(own.map(|own| *own).unwrap_or_default());
    Some(headers)
}

/// Puts the answers into their places, or fails as a whole where nothing of what could be sent was.
fn give_back(
    mut answers: Vec<Option<Answered>>,
    sent: impl Iterator<Item = (usize, Answered)>,
) -> Result<Vec<Answered>, Failure> {
    let (mut first_sent, mut all_unsent) = (None, true);
    for (index, answered) in sent {
        first_sent.get_or_insert(index);
        all_unsent &= answered.as_ref().is_err_and(|failure| failure.outcome() == Outcome::NotSent);
        answers[index] = Some(answered);
    }
    if let Some(Err(failure)) = first_sent.filter(|_| all_unsent).and_then(|index| answers[index].take()) {
        return Err(failure);
    }
    Ok(answers.into_iter().map(|answer| answer.expect("each entry is in a group or has failed")).collect())
}
