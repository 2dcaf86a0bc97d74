//! Brings calls to their end: one call, or the entries of a batch that share a request. Sends them, sees what became of
//! each, and sends again those that may be, until each has an answer or a failure that says what may have happened.

mod ask;
mod call_id;
mod entry;
mod reliance;
mod settle;

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue};
use rpc_core::headers::{Keys, RPC_ATTEMPT, RPC_IDEMPOTENCY, RPC_TIMEOUT_MS, Refused};
use rpc_core::{Effect, Outcome};
use tokio::time::{Instant, sleep};

use crate::client::Client;
use crate::error::{Answer, Answered};
use crate::exchange::{Exchanged, Patience, receive};
use crate::failure::{Failure, Kind};
use crate::reliability::keys::{HEAD_TIMEOUT, Known};
use crate::replies;
use crate::telemetry::{self, Watching};
use crate::transport::{Progress, Request};
use ask::ask;
pub(crate) use ask::ask_for_ticket;
pub(crate) use call_id::{CallId, Key, Mint};
pub(crate) use entry::Entry;
use reliance::Reliance;

/// In which manner a call is to be sent. Calls of different manners go in requests of their own.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Manner {
    /// The headers that it wants.
    pub(crate) headers: Option<Box<HeaderMap>>,
    /// What its ticket says of its key, if it has one.
    pub(crate) pin: Option<Box<Keys>>,
}

/// Calls that travel together, since they are sent in the same manner.
pub(crate) struct Delivery {
    client: Client,
    headers: Option<Box<HeaderMap>>,
    entries: Vec<Entry>,
    start: Instant,
    /// How many attempts were made.
    sent: u32,
    /// How often calls were sent elsewhere or otherwise because of their keys.
    moves: u32,
    /// How often the store's time was told, since keys seemed to be too old.
    times_told: u32,
    /// Whether the one entry is a message by itself and no batch.
    single: bool,
    /// Whether it is known what the keys are worth. What was found out once holds for all attempts.
    knows_store: bool,
    /// Whether ids that are keys are called so.
    says_keys: bool,
    /// When the last attempt was given up for another one, which is paid for already: how long that waits for its turn.
    paid: Option<Duration>,
    /// The store whose memory the calls with keys rely upon, if there is one.
    reliance: Option<Reliance>,
    /// What the tickets of the calls say of their keys. Such calls go to no other store.
    pin: Option<Box<Keys>>,
    /// The message of a single call, once it was sent.
    message: Bytes,
    watching: Watching,
}

/// How often the keys of one call may make it go elsewhere. Twice to another store is proof enough that there are several.
const MAX_MOVES: u32 = 3;

impl Delivery {
    /// Prepares the delivery of one call that is a message by itself.
    pub(crate) fn single(client: Client, manner: Manner, entry: Entry, start: Instant) -> Box<Self> {
        let mut delivery = Self::batch(client, manner, vec![entry], start);
        delivery.single = true;
        delivery
    }

    /// Prepares the delivery of a batch. It is boxed, since otherwise it would be moved from future to future.
    pub(crate) fn batch(client: Client, manner: Manner, entries: Vec<Entry>, start: Instant) -> Box<Self> {
        let Manner { headers, pin } = manner;
        Box::new(Self {
            client,
            headers,
            pin,
            entries,
            start,
            sent: 0,
            moves: 0,
            times_told: 0,
            single: false,
            knows_store: false,
            says_keys: false,
            paid: None,
            reliance: None,
            message: Bytes::new(),
            watching: None,
        })
    }

    /// Sends the entries until each has come to its end, and returns what came of them, in their order.
    pub(crate) async fn run(mut self: Box<Self>) -> Vec<Answered> {
        let settings = &self.client.inner.settings;
        self.watching = settings.observer.watch(&self.entries, self.single, &settings.budget, self.start);
        let mut begun = self.start;
        loop {
            let (headers, answers) = match self.attempt(begun).await {
                Ok(Exchanged { headers, body }) => {
                    let answers = self.read(&body, &headers);
                    (Some(headers), answers)
                }
                Err(failure) => (failure.headers().cloned(), self.all_failed(failure)),
            };
            telemetry::attempted(&mut self.watching, &answers);
            // Nearly all calls end like this.
            if self.sent == 1 && self.client.inner.settings.on_attempt.is_none() && answers.iter().all(is_result) {
                self.have_results(&answers);
                return answers;
            }
            let Some(pause) = self.take(answers, headers.as_ref(), begun) else { break };
            if !pause.is_zero() {
                sleep(pause).await;
            }
            begun = Instant::now();
        }
        let answers = self.entries.into_iter().map(Entry::into_answer);
        let answers = answers.map(|answered| answered.expect("it ends when each entry has an answer"));
        let answers: Vec<_> = answers.collect();
        self.client.inner.settings.budget.deposit(answers.iter().filter(|answered| is_answer(answered)).count());
        answers
    }

    /// Notes that the first attempt has brought a result for each entry.
    #[inline]
    fn have_results(&mut self, answers: &[Answered]) {
        let settings = &self.client.inner.settings;
        settings.budget.deposit(answers.len());
        settings.observer.meter().attempts(Outcome::Executed, answers.len());
        for (index, answered) in answers.iter().enumerate() {
            telemetry::settled(&mut self.watching, index, answered);
        }
    }

    fn pending(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.is_pending())
    }

    /// Sends what is pending once.
    async fn attempt(&mut self, mut now: Instant) -> Result<Exchanged, Failure> {
        self.sent += 1;
        self.paid = None;
        let deadline = self.pending().map(|entry| entry.deadline).max().unwrap_or(now);
        if deadline <= now {
            return Err(Failure::new(Kind::Expired));
        }
        // Who has keys needs to know what they are worth before the first attempt, since only then can a later one tell
        // whether it asks the store that knows of the first.
        if !self.knows_store && self.pending().any(|entry| entry.key().is_some()) {
            now = self.learn_store(now, deadline).await?;
        }
        if self.sent > 1 {
            self.renew_reliance(now);
        }
        let relies = self.reliance.is_some();
        for entry in self.entries.iter_mut().filter(|entry| entry.is_pending()) {
            entry.begin(relies);
        }
        let patience = self.patience(now, deadline);
        let progress = Progress::default();
        let request = Request {
            body: self.body(),
            headers: self.request_headers(deadline - now),
            deadline: patience.until.into_std(),
            progress: progress.clone(),
        };
        let inner = &*self.client.inner;
        let reply = telemetry::send(&mut self.watching, self.sent, request, &*inner.transport);
        let mut paid = None;
        let gives_up = || {
            let now = Instant::now();
            // The other one needs time, too.
            let longest = deadline.saturating_duration_since(now) / 4;
            paid = inner.settings.withdraw(self.pending().count(), now, longest);
            paid.is_some()
        };
        let came = receive(inner, reply, &progress, now, patience, gives_up).await;
        self.paid = paid;
        if let Ok(Exchanged { headers, .. }) = &came
            && self.says_keys
        {
            self.client.inner.knowledge.note(headers);
        }
        came
    }

    /// Lets the time of the keys count anew where no attempt may have run any of them.
    fn renew_reliance(&mut self, now: Instant) {
        if self.pin.is_none()
            && !self.pending().any(|entry| entry.uncertain && entry.key().is_some())
            && let Some(reliance) = self.reliance.take()
        {
            self.reliance = Reliance::begin(reliance.announced, now);
        }
    }

    /// Decides how long to wait for the answer.
    ///
    /// Where another attempt may follow, there has to be time for it, unless the user has said how much to take. But an
    /// attempt is given up only for another one, and not where the budget has none left.
    fn patience(&self, now: Instant, deadline: Instant) -> Patience {
        let settings = &self.client.inner.settings;
        // What may have run is not to reach a store that has forgotten it, however long it waits for its turn.
        let is_bound = |entry: &Entry| entry.uncertain && entry.effect == Effect::Once;
        let deadline = match &self.reliance {
            Some(reliance) if self.pending().any(is_bound) => deadline.min(reliance.end),
            _ => deadline,
        };
        let within = |limit| now.checked_add(limit).map_or(deadline, |until| until.min(deadline));
        if let Some(limit) = settings.attempt_timeout {
            return Patience { until: within(limit), soft: None };
        }
        let remembers = self.reliance.as_ref().is_some_and(|reliance| reliance.remembers(now));
        let may_go_again =
            |entry: &Entry| entry.has_two_attempts_left(&settings.retry) && entry.is_repeatable(remembers);
        let soft = self.pending().all(may_go_again).then(|| within((deadline - self.start) / 3));
        Patience { until: deadline, soft }
    }

    fn body(&mut self) -> Bytes {
        if self.single {
            if self.message.is_empty() {
                self.message = self.entries[0].take_message().into();
            }
            return self.message.clone();
        }
        let room = self.pending().map(Entry::len).sum();
        let mut body = Vec::with_capacity(room);
        for entry in self.pending() {
            body.push(if body.is_empty() { b'[' } else { b',' });
            entry.write(&mut body);
        }
        body.push(b']');
        body.into()
    }

    fn request_headers(&self, left: Duration) -> HeaderMap {
        let settings = &self.client.inner.settings;
        let mut headers = settings.headers.clone();
        // Room for what is mostly added here and by the transport, since growing would move them all.
        headers.reserve(self.headers.as_ref().map_or(0, |own| own.len()) + 3);
        for (name, value) in self.headers.iter().flat_map(|own| own.iter()) {
            headers.insert(name, value.clone());
        }
        // What the client gives by default stands among its headers.
        if left != settings.deadline {
            headers.insert(RPC_TIMEOUT_MS, milliseconds(left));
        }
        if self.sent > 1 {
            headers.insert(RPC_ATTEMPT, HeaderValue::from(self.sent));
        }
        if self.says_keys && self.pending().any(|entry| entry.key().is_some()) {
            let keys = Keys::new(self.pending().filter_map(Entry::key));
            let value = self.reliance.as_ref().map_or_else(|| keys.to_value(), |reliance| reliance.value(keys.sum));
            headers.insert(RPC_IDEMPOTENCY, value);
        }
        headers
    }

    /// Finds out whether the server remembers keys, by asking it if nobody has. Returns what time it is then.
    async fn learn_store(&mut self, mut now: Instant, deadline: Instant) -> Result<Instant, Failure> {
        let inner = &self.client.inner;
        if let Some(pin) = &self.pin {
            self.reliance = Some(Reliance::pinned(pin, now));
            (self.knows_store, self.says_keys) = (true, true);
            return Ok(now);
        }
        if self.pending().all(|entry| entry.retry(&inner.settings.retry).is_never()) {
            // Nothing goes again, so it does not matter. The keys were given for somebody else's sake.
            (self.knows_store, self.says_keys) = (true, true);
            return Ok(now);
        }
        let mut known = inner.knowledge.current(now);
        if known == Known::Nothing {
            let limit = ((deadline - self.start) / 3).min(HEAD_TIMEOUT);
            known = ask(inner, self.headers.as_deref(), deadline.min(now + limit)).await?;
            now = Instant::now();
        }
        (self.reliance, self.says_keys) = match known {
            Known::Store(announced) => (Reliance::begin(announced, now), true),
            Known::NoStore | Known::Nothing | Known::Silent(_) | Known::Several(_) => (None, true),
            // Who has given a key would rather have no answer than a second effect.
            Known::Unkept(_) => (None, self.pending().any(|entry| entry.has_given_key)),
        };
        self.knows_store = true;
        if deadline > now { Ok(now) } else { Err(Failure::new(Kind::Expired)) }
    }

    fn all_failed(&self, failure: Failure) -> Vec<Answered> {
        if self.single {
            return vec![Err(failure)];
        }
        self.pending().map(|_| Err(failure.duplicate())).collect()
    }

    /// Reads what was answered to each pending entry, in their order.
    fn read(&self, body: &Bytes, headers: &HeaderMap) -> Vec<Answered> {
        let mut answers = self.read_body(body);
        if self.pending().any(|entry| entry.id.is_none()) {
            // Of a notification that was refused there is no other sign than the header.
            let refused = Refused::of(headers);
            for (place, (entry, answered)) in self.pending().zip(&mut answers).enumerate() {
                if entry.id.is_none() && is_result(answered) && refused.contains(place) {
                    *answered = Err(Failure::new(Kind::Refused));
                }
            }
        }
        answers
    }

    fn read_body(&self, body: &Bytes) -> Vec<Answered> {
        if self.single {
            return vec![replies::single(body, self.entries[0].id.as_ref())];
        }
        let ids: Vec<_> = self.pending().filter_map(|entry| entry.id.as_ref()).collect();
        if ids.is_empty() {
            return match replies::single(body, None) {
                Ok(answer) => self.pending().map(|_| Ok(answer.clone())).collect(),
                Err(failure) => self.all_failed(failure),
            };
        }
        match replies::batch(body, &ids) {
            Err(failure) => self.all_failed(failure),
            Ok(Err(error)) => self.pending().map(|_| Ok(Answer::OfRequest(error.clone()))).collect(),
            // Nothing else is pending in nearly all batches.
            Ok(Ok(of_calls)) if ids.len() == self.entries.len() => of_calls,
            Ok(Ok(of_calls)) => {
                let mut of_calls = of_calls.into_iter();
                let answer = |entry: &Entry| match entry.id {
                    Some(_) => of_calls.next().expect("there is an answer for each id"),
                    None => Ok(Answer::Result(Bytes::new())),
                };
                self.pending().map(answer).collect()
            }
        }
    }
}

/// Writes a time as the header's value.
pub(crate) fn milliseconds(time: Duration) -> HeaderValue {
    HeaderValue::from(u64::try_from(time.as_millis()).unwrap_or(u64::MAX).clamp(1, 999_999_999_999))
}

fn is_result(answered: &Answered) -> bool {
    matches!(answered, Ok(Answer::Result(_)))
}

/// Tells whether a call ended with an answer of its own, which refills the budget for retries.
fn is_answer(answered: &Answered) -> bool {
    matches!(answered, Ok(Answer::Result(_) | Answer::Error(_)))
}
