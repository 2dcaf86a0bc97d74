//! Sends the lines of a chunk as one request.

use rpc::{Call, Client, Effect, Error, Failure, Notification};
use serde_json::value::RawValue;

use super::answer::LineAnswer;
use super::interrupt::Interrupt;
use super::line::Line;
use crate::effect::{EffectArgs, with_effect};

/// A line as an entry of a batch: a call or a notification.
type Entry = (Option<Call<Box<RawValue>>>, Option<Notification>);

/// How lines become requests.
#[derive(Debug)]
pub(super) struct Requests {
    pub(super) client: Client,
    pub(super) effects: EffectArgs,
    /// Whether requests are batches, also those with one call.
    pub(super) are_batches: bool,
    pub(super) interrupt: Interrupt,
}

impl Requests {
    /// Sends lines, and returns the answers of all calls and the failures of notifications, in order.
    ///
    /// If a signal comes first, the lines end without an answer. After a signal, nothing is sent.
    pub(super) async fn send(&self, lines: Vec<Line>) -> Vec<LineAnswer> {
        if self.interrupt.has_come() {
            return Vec::new();
        }
        let mut answers = Vec::new();
        let mut entries = Vec::new();
        for mut line in lines {
            let effect = line.effect.unwrap_or_else(|| self.effects.effect(None));
            entries.push(entry(&self.client, &mut line, effect));
            answers.push((line, effect));
        }
        let sent =
            async { if self.are_batches { batch(&self.client, entries).await } else { one_by_one(entries).await } };
        let ended = tokio::select! {
            // An answer that is there counts more than a signal.
            biased;
            ended = sent => ended,
            () = self.interrupt.clone().come() => answers.iter().map(|_| Ended::Interrupted).collect(),
        };
        let answers = answers.into_iter().zip(ended).filter_map(|((line, effect), ended)| {
            let ended = match ended {
                Ended::Call(ended) => Some(ended),
                Ended::Notification(Ok(())) => return None,
                Ended::Notification(Err(failure)) => Some(Err(failure.into())),
                Ended::Interrupted => None,
            };
            Some(LineAnswer { number: line.number, id: line.id, key: line.key, effect, ended })
        });
        answers.collect()
    }
}

/// How an entry ended.
enum Ended {
    Call(Result<Box<RawValue>, Error>),
    Notification(Result<(), Failure>),
    /// A signal came before its answer.
    Interrupted,
}

fn entry(client: &Client, line: &mut Line, effect: Effect) -> Entry {
    let call = with_effect(client.call(line.method.clone(), line.params.take()), effect);
    match (line.notify, line.key) {
        (true, _) => (None, Some(call.notify())),
        (false, Some(key)) => (Some(call.idempotency_key(key)), None),
        (false, None) => (Some(call), None),
    }
}

async fn batch(client: &Client, entries: Vec<Entry>) -> Vec<Ended> {
    let are_calls: Vec<_> = entries.iter().map(|(call, _)| call.is_some()).collect();
    match client.batch(entries).await {
        Ok(ended) => ended
            .into_iter()
            .map(|ended| match ended {
                (Some(ended), _) => Ended::Call(ended),
                (None, Some(ended)) => Ended::Notification(ended),
                (None, None) => Ended::Notification(Ok(())),
            })
            .collect(),
        // Nothing was sent.
        Err(failure) => are_calls
            .into_iter()
            .map(|is_call| match is_call {
                true => Ended::Call(Err(failure.clone().into())),
                false => Ended::Notification(Err(failure.clone())),
            })
            .collect(),
    }
}

/// Sends each entry in a request of its own, which is no batch.
async fn one_by_one(entries: Vec<Entry>) -> Vec<Ended> {
    let mut ended = Vec::new();
    for (call, notification) in entries {
        match (call, notification) {
            (Some(call), _) => ended.push(Ended::Call(call.await)),
            (None, Some(notification)) => ended.push(Ended::Notification(notification.await)),
            (None, None) => {}
        }
    }
    ended
}
