//! Many open streams, one of which is not read: how long calls and the items of the others take, with it and without.

use std::time::Instant;

use super::stream_process::{command, start};
use super::subscribers::{Subscribers, raise_descriptors};
use crate::Result;
use crate::measure::effort::Effort;
use crate::process::{SERVER_CORE, pinned};
use crate::stats::{Spread, quantile};
use crate::subject::runtime;
use crate::subject::streams::{Audience, StreamServer};
use crate::subscriber::Subscriber;
use crate::table::Table;
use crate::workload::Pace;

/// How many streams are read, each on a connection of its own.
const READ: usize = 9_999;

const SERVERS: [(StreamServer, &str); 2] = [(StreamServer::Ours, "SSE"), (StreamServer::OursWebSocket, "WebSocket")];

const VISITS: [&str; 2] = ["all are read", "one is not read"];

/// How many events and how many calls each visit measures.
const EVENTS: usize = 3;
const CALLS: usize = 1_000;

/// What one visit has measured.
#[derive(Clone, Copy, Debug)]
struct Visit {
    /// The 99th percentile of the time of a call, in milliseconds.
    call: f64,
    /// The 99th percentile of the time from the call that publishes an event to each subscriber, in milliseconds.
    item: f64,
    /// By how many MiB the server has grown since it began.
    memory: f64,
}

pub(super) fn run(effort: Effort) -> Result<Table> {
    raise_descriptors(READ + 1)?;
    let columns = [
        "call, p99, ms",
        "call, all read = 1.00",
        "item, p99, ms",
        "item, all read = 1.00",
        "memory of the server, MiB",
    ];
    let mut table = Table::new("streams-unread", "10,000 open streams", "", columns);
    for (server, transport) in SERVERS {
        eprintln!("  {transport}");
        let rounds = runtime(1)?.block_on(visit_rounds(server, effort.rounds))?;
        for (place, visit) in VISITS.iter().enumerate() {
            let spread = |value: fn(Visit, Visit) -> f64| {
                Some(Spread::of(rounds.iter().map(|round| value(round[place], round[0])).collect()))
            };
            let cells = [
                spread(|visit, _| visit.call),
                spread(|visit, read| visit.call / read.call),
                spread(|visit, _| visit.item),
                spread(|visit, read| visit.item / read.item),
                spread(|visit, _| visit.memory),
            ];
            table.row(format!("{transport}, {visit}"), cells);
        }
    }
    Ok(table)
}

async fn visit_rounds(server: StreamServer, rounds: usize) -> Result<Vec<[Visit; 2]>> {
    let process = start(server, &mut pinned(SERVER_CORE, &command(server)?)).await?;
    let before = process.memory()?;
    let mut subscribers = Subscribers::open(process, server.wire(), READ).await?;
    let mut visits = Vec::new();
    for round in 0..rounds {
        let all_read = if round.is_multiple_of(2) { Some(visit(&mut subscribers, before).await?) } else { None };
        // It sends items for as long as there is room for them.
        let addr = subscribers.process.addr();
        let mut unread = Subscriber::to_ticks(server.wire(), addr, Pace::Burst, u64::MAX).await?;
        unread.read(1).await?;
        let one_unread = visit(&mut subscribers, before).await?;
        drop(unread);
        let all_read = match all_read {
            Some(visited) => visited,
            None => visit(&mut subscribers, before).await?,
        };
        visits.push([all_read, one_unread]);
    }
    subscribers.process.stop()?;
    Ok(visits)
}

async fn visit(subscribers: &mut Subscribers, before: u64) -> Result<Visit> {
    let mut delays = Vec::new();
    for _ in 0..EVENTS {
        delays.extend(subscribers.publish(Audience::Shared, 1).await?.delays);
    }
    let memory = subscribers.process.memory()?.saturating_sub(before) as f64 / f64::from(1 << 20);
    let mut calls = Vec::new();
    for _ in 0..CALLS {
        let sent = Instant::now();
        subscribers.serialized()?;
        calls.push(sent.elapsed().as_secs_f64() * 1e3);
    }
    for times in [&mut delays, &mut calls] {
        times.sort_by(f64::total_cmp);
    }
    Ok(Visit { call: quantile(&calls, 0.99), item: quantile(&delays, 0.99), memory })
}
