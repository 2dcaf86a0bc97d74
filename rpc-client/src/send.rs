//! Sends calls when they are awaited: a single call, or a batch in one or more requests. It groups batch entries by
//! headers, ticket and hash key, within the limit of entries. Every request passes through [`deliver`], and so through
//! the client's layers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::Either;
use futures_util::stream::{self, StreamExt};
use http::HeaderMap;
use rpc_core::{MaybeSend, Outcome};
use uuid::Uuid;

use crate::coalesce;
use crate::delivery::{Delivery, Entry, Payload, SharedParts};
use crate::engine::Engine;
use crate::error::AnswerResult;
use crate::failure::Failure;
use crate::layered;
use crate::parts::{CallIdentity, CallParts, CallerDeadline, deadline};
use crate::reliability::retry::Retry;
use crate::runtime::Instant;

/// Delivers calls that share a request, through the client's layers if it has any. Every call and every notification
/// passes through here once, the entries of a batch together.
fn deliver(
    engine: Arc<Engine>,
    shared: SharedParts,
    payload: Payload,
    start: Instant,
) -> impl Future<Output = Vec<AnswerResult>> + MaybeSend {
    match engine.layers.clone() {
        None if engine.coalescer.is_some() => Either::Right(coalesce::deliver(engine, shared, payload, start)),
        None => Either::Left(Delivery::new(engine, shared, payload, start).run()),
        Some(layers) => Either::Right(layered::deliver(engine, layers, shared, payload)),
    }
}

/// Sends a call or a notification outside a batch.
pub(crate) async fn one(engine: Arc<Engine>, parts: CallParts) -> AnswerResult {
    let start = Instant::now();
    let (entry, shared) = parts.into_entry(&engine, None, start)?;
    let mut answers = deliver(engine, shared, Payload::single(entry), start).await;
    answers.pop().expect("there is an answer for the one entry")
}

/// The settings of a batch as a whole.
#[derive(Default)]
pub(crate) struct BatchOptions {
    pub(crate) deadline: Option<Duration>,
    /// The time by which the batch must have ended, whatever the deadlines.
    pub(crate) until: CallerDeadline,
    pub(crate) retry: Option<Retry>,
    pub(crate) headers: HeaderMap,
    /// The hash of the hash key of calls without their own.
    pub(crate) hash_key: Option<u64>,
    /// Why the batch cannot be sent, if it cannot.
    pub(crate) failure: Option<Failure>,
}

/// Sends the entries of a batch and returns an answer for each, in order.
pub(crate) async fn batch(
    engine: Arc<Engine>,
    entries: Vec<CallParts>,
    options: BatchOptions,
) -> Result<Vec<AnswerResult>, Failure> {
    if let Some(failure) = options.failure {
        return Err(failure);
    }
    let start = Instant::now();
    let batch_deadline = options.deadline.map(|time| deadline(time, start));
    let mut answers: Vec<Option<AnswerResult>> = entries.iter().map(|_| None).collect();
    let mut groups = RequestGroups::new(entries.len(), engine.settings.max_batch_entries.max(1));
    let doubled = doubled_keys(&entries);
    for (index, mut parts) in entries.into_iter().enumerate() {
        parts.hash_key = parts.hash_key.or(options.hash_key);
        if !doubled.is_empty() && parts.given_key().is_some_and(|key| doubled.binary_search(&key).is_ok()) {
            answers[index] = Some(Err(parts.unsendable("two calls of the batch have the same idempotency key")));
            continue;
        }
        match parts.into_entry(&engine, options.retry.as_ref(), start) {
            // An entry that cannot be sent fails alone. The others are sent.
            Err(failure) => answers[index] = Some(Err(failure)),
            Ok((mut entry, shared)) => {
                entry.deadline = options.until.bound(batch_deadline.unwrap_or(entry.deadline));
                groups.add(index, entry, shared);
            }
        }
    }
    let deliver_group = async |group: RequestGroup, start| {
        let RequestGroup { indices, entries, mut shared } = group;
        shared.headers = join(&options.headers, shared.headers);
        let answered = deliver(Arc::clone(&engine), shared, Payload::batch(entries), start).await;
        indices.into_iter().zip(answered)
    };
    let sent = match groups.all.len() {
        1 => vec![deliver_group(groups.all.remove(0), start).await],
        // Later groups start when it is their turn.
        _ => {
            let sent = groups.all.into_iter().map(async |group| deliver_group(group, Instant::now()).await);
            stream::iter(sent).buffered(AT_A_TIME).collect().await
        }
    };
    give_back(answers, sent.into_iter().flatten())
}

/// How many requests of one batch are in flight at a time.
const AT_A_TIME: usize = 4;

/// Returns in order the keys that several calls share. The server could not tell these calls apart, and could not check
/// by the keys' exclusive or whether all arrived. Keys that the client makes always differ.
fn doubled_keys(entries: &[CallParts]) -> Vec<Uuid> {
    if entries.iter().all(|parts| matches!(parts.identity, CallIdentity::Own)) {
        return Vec::new();
    }
    let mut given: Vec<Uuid> = entries.iter().filter_map(CallParts::given_key).collect();
    given.sort_unstable();
    given.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect()
}

/// The part of a batch that is sent in one request, since its entries have the same shared parts.
struct RequestGroup {
    shared: SharedParts,
    /// The positions of the entries in the batch.
    indices: Vec<usize>,
    entries: Vec<Entry>,
}

/// The requests of a batch.
struct RequestGroups {
    all: Vec<RequestGroup>,
    /// The number of entries in the batch.
    count: usize,
    /// The maximum number of entries in a request.
    most: usize,
}

impl RequestGroups {
    fn new(count: usize, most: usize) -> Self {
        Self { all: Vec::new(), count, most }
    }

    /// Adds an entry to a request with room and the same shared parts.
    fn add(&mut self, index: usize, entry: Entry, shared: SharedParts) {
        let takes = |group: &RequestGroup| group.entries.len() < self.most && group.shared == shared;
        let place = self.all.iter().rposition(takes).unwrap_or_else(|| {
            // Most batches are one group.
            let room = if self.all.is_empty() { self.count.min(self.most) } else { 0 };
            self.all.push(RequestGroup {
                shared,
                indices: Vec::with_capacity(room),
                entries: Vec::with_capacity(room),
            });
            self.all.len() - 1
        });
        self.all[place].indices.push(index);
        self.all[place].entries.push(entry);
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

/// Puts the answers at their positions. Fails as a whole if nothing that could be sent was sent.
fn give_back(
    mut answers: Vec<Option<AnswerResult>>,
    sent: impl Iterator<Item = (usize, AnswerResult)>,
) -> Result<Vec<AnswerResult>, Failure> {
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
