//! One event to many subscribers: how often it is serialized, and when the last of them has it.

use std::process::Command;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::sync::mpsc;

use super::stream_process::{command, start};
use crate::Result;
use crate::connection::{Connection, request};
use crate::measure::effort::Effort;
use crate::process::{SERVER_CORE, ServerProcess, pinned, require};
use crate::stats::Spread;
use crate::subject::runtime;
use crate::subject::streams::{Audience, StreamServer};
use crate::subscriber::{Subscriber, Wire};
use crate::table::Table;

/// How many subscribers get each event, each on a connection of its own.
const SUBSCRIBERS: usize = 10_000;

/// How many descriptors a process of this measurement needs.
const DESCRIPTORS: usize = SUBSCRIBERS + 1_000;

/// How many objects an event has.
const EVENTS: [(u64, &str); 2] = [(1, "one object"), (10, "ten objects")];

const AUDIENCES: [(Audience, &str); 2] = [(Audience::Shared, "`Shared`"), (Audience::Each, "serialized for each")];

/// What an event has cost.
#[derive(Clone, Copy, Debug, Default)]
struct Published {
    /// How often it was serialized.
    serialized: f64,
    /// How long after the call the last subscriber had it, in milliseconds.
    last: f64,
    /// The CPU time of the server, in milliseconds.
    cpu: f64,
}

pub(super) fn run(effort: Effort) -> Result<Table> {
    raise_descriptors()?;
    let process = start(StreamServer::Ours, &mut pinned(SERVER_CORE, &command(StreamServer::Ours)?))?;
    let published = runtime(1)?.block_on(publish_rounds(process, effort.rounds))?;
    Ok(table(&published))
}

/// Returns what the events have cost, by event, then by round, then by audience.
async fn publish_rounds(process: ServerProcess, rounds: usize) -> Result<[Vec<[Published; 2]>; EVENTS.len()]> {
    let mut subscribers = Subscribers::open(process).await?;
    let mut published = [const { Vec::new() }; EVENTS.len()];
    // The first round does not count: buffers of the server and the clients are new in it.
    for round in 0..=rounds {
        for ((users, _), published) in EVENTS.iter().zip(&mut published) {
            let visited = subscribers.publish_to_all(round, *users).await?;
            if round > 0 {
                published.push(visited);
            }
        }
    }
    subscribers.process.stop()?;
    Ok(published)
}

fn table(published: &[Vec<[Published; 2]>]) -> Table {
    let columns = ["times serialized", "last subscriber, ms", "CPU time, ms", "CPU time, `Shared` = 1.00"];
    let mut table = Table::new("streams-fan-out", "One event to 10,000 subscribers", "", columns);
    for ((_, event), rounds) in EVENTS.iter().zip(published) {
        for (place, (_, audience)) in AUDIENCES.iter().enumerate() {
            let spread = |value: fn(Published, Published) -> f64| {
                Some(Spread::of(rounds.iter().map(|round| value(round[place], round[0])).collect()))
            };
            let cells = [
                spread(|event, _| event.serialized),
                spread(|event, _| event.last),
                spread(|event, _| event.cpu),
                spread(|event, shared| event.cpu / shared.cpu),
            ];
            table.row(format!("{event}, {audience}"), cells);
        }
    }
    table
}

/// Many subscribers of one server, and a connection that publishes events.
struct Subscribers {
    process: ServerProcess,
    publisher: Connection,
    /// The size of an event, from each subscriber that has got it.
    arrived: mpsc::Receiver<Result<usize>>,
}

impl Subscribers {
    async fn open(process: ServerProcess) -> Result<Self> {
        let (arrives, arrived) = mpsc::channel(SUBSCRIBERS);
        for _ in 0..SUBSCRIBERS {
            let subscriber = Subscriber::open(Wire::Sse, process.addr(), "events", &json!([])).await?;
            tokio::spawn(read_all(subscriber, arrives.clone()));
        }
        Ok(Self { publisher: Connection::open(process.addr())?, process, arrived })
    }

    /// Publishes an event to each audience, in an order that alternates.
    async fn publish_to_all(&mut self, round: usize, users: u64) -> Result<[Published; 2]> {
        let mut published = [Published::default(); 2];
        for place in 0..AUDIENCES.len() {
            let place = (place + round) % AUDIENCES.len();
            published[place] = self.publish(AUDIENCES[place].0, users).await?;
        }
        Ok(published)
    }

    async fn publish(&mut self, audience: Audience, users: u64) -> Result<Published> {
        let (serialized, cpu) = (self.serialized()?, self.process.cpu()?);
        let begin = Instant::now();
        let subscribers = self.call("publish", &json!([audience, users]))?;
        let mut size = None;
        for _ in 0..SUBSCRIBERS {
            let arrived = self.arrived.recv().await.ok_or("the subscribers have ended")??;
            if *size.get_or_insert(arrived) != arrived {
                return Err("the subscribers have got different events".into());
            }
        }
        let last = begin.elapsed().as_secs_f64() * 1e3;
        if subscribers != SUBSCRIBERS as u64 {
            return Err(format!("the event has {subscribers} subscribers").into());
        }
        let cpu = (self.process.cpu()? - cpu).as_secs_f64() * 1e3;
        Ok(Published { serialized: (self.serialized()? - serialized) as f64, last, cpu })
    }

    /// Returns how often the server has serialized an event.
    fn serialized(&mut self) -> Result<u64> {
        self.call("serialized", &json!([]))
    }

    fn call(&mut self, method: &str, params: &Value) -> Result<u64> {
        let call = json!({ "jsonrpc": "2.0", "method": method, "params": params, "id": 1 });
        let answer: Value = serde_json::from_slice(self.publisher.send(&request(&call.to_string()))?)?;
        Ok(answer["result"].as_u64().ok_or_else(|| format!("{method} was answered with {answer}"))?)
    }
}

async fn read_all(mut subscriber: Subscriber, arrives: mpsc::Sender<Result<usize>>) {
    loop {
        let event = subscriber.read(1).await.map(|event| event.len());
        let has_ended = event.is_err();
        // The measurement may have ended.
        if arrives.send(event).await.is_err() || has_ended {
            return;
        }
    }
}

/// Raises the limit of open files of this process, which the server's process inherits.
fn raise_descriptors() -> Result<()> {
    require("prlimit", "util-linux")?;
    let (process, limit) = (std::process::id().to_string(), format!("--nofile={DESCRIPTORS}:"));
    let status = Command::new("prlimit").args(["--pid", &process, &limit]).status()?;
    if status.success() { Ok(()) } else { Err(format!("10,000 subscribers need {DESCRIPTORS} open files").into()) }
}
