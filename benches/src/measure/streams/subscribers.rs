//! [`Subscribers`]: many subscribers of one server, each on a connection of its own, and a connection that publishes.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::mpsc;

use crate::Result;
use crate::connection::{Connection, request};
use crate::process::{ServerProcess, require};
use crate::subject::streams::Audience;
use crate::subscriber::{Subscriber, Wire};

/// How many descriptors a process needs besides one for each subscriber.
const MORE_DESCRIPTORS: usize = 1_000;

/// Many subscribers of one server, and a connection that publishes events.
pub(super) struct Subscribers {
    pub(super) process: ServerProcess,
    publisher: Connection,
    count: usize,
    /// The events that the subscribers have got.
    arrived: mpsc::Receiver<Result<Arrival>>,
}

/// An event that a subscriber has got.
struct Arrival {
    at: Instant,
    /// The size of the notification, in bytes.
    size: usize,
}

/// What an event has cost.
pub(super) struct Published {
    /// How often it was serialized.
    pub(super) serialized: u64,
    /// How long after the call each subscriber had it, in milliseconds, sorted.
    pub(super) delays: Vec<f64>,
    /// The CPU time of the server.
    pub(super) cpu: Duration,
}

impl Subscribers {
    pub(super) async fn open(process: ServerProcess, wire: Wire, count: usize) -> Result<Self> {
        let (arrives, arrived) = mpsc::channel(count);
        for _ in 0..count {
            let subscriber = Subscriber::open(wire, process.addr(), "events", &json!([])).await?;
            tokio::spawn(read_all(subscriber, arrives.clone()));
        }
        Ok(Self { publisher: Connection::open(process.addr())?, process, count, arrived })
    }

    /// Publishes an event, and waits until all subscribers have it.
    pub(super) async fn publish(&mut self, audience: Audience, users: u64) -> Result<Published> {
        let (serialized, cpu) = (self.serialized()?, self.process.cpu()?);
        let begin = Instant::now();
        let subscribers = self.call("publish", &json!([audience, users]))?;
        let (mut size, mut delays) = (None, Vec::with_capacity(self.count));
        for _ in 0..self.count {
            let arrived = self.arrived.recv().await.ok_or("the subscribers have ended")??;
            if *size.get_or_insert(arrived.size) != arrived.size {
                return Err("the subscribers have got different events".into());
            }
            delays.push((arrived.at - begin).as_secs_f64() * 1e3);
        }
        if subscribers != self.count as u64 {
            return Err(format!("the event has {subscribers} subscribers").into());
        }
        delays.sort_by(f64::total_cmp);
        Ok(Published { serialized: self.serialized()? - serialized, delays, cpu: self.process.cpu()? - cpu })
    }

    /// Returns how often the server has serialized an event.
    pub(super) fn serialized(&mut self) -> Result<u64> {
        self.call("serialized", &json!([]))
    }

    fn call(&mut self, method: &str, params: &Value) -> Result<u64> {
        let call = json!({ "jsonrpc": "2.0", "method": method, "params": params, "id": 1 });
        let answer: Value = serde_json::from_slice(self.publisher.send(&request(&call.to_string()))?)?;
        Ok(answer["result"].as_u64().ok_or_else(|| format!("{method} was answered with {answer}"))?)
    }
}

async fn read_all(mut subscriber: Subscriber, arrives: mpsc::Sender<Result<Arrival>>) {
    loop {
        let event = subscriber.read(1).await.map(|event| Arrival { at: Instant::now(), size: event.len() });
        let has_ended = event.is_err();
        // The measurement may have ended.
        if arrives.send(event).await.is_err() || has_ended {
            return;
        }
    }
}

/// Raises the limit of open files of this process, which the server's process inherits.
pub(super) fn raise_descriptors(subscribers: usize) -> Result<()> {
    require("prlimit", "util-linux")?;
    let descriptors = subscribers + MORE_DESCRIPTORS;
    let (process, limit) = (std::process::id().to_string(), format!("--nofile={descriptors}:"));
    let status = Command::new("prlimit").args(["--pid", &process, &limit]).status()?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("{subscribers} subscribers need {descriptors} open files").into())
    }
}
