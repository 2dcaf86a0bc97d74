//! One event to many subscribers: how often it is serialized, and when the last of them has it.

use super::stream_process::{command, start};
use super::subscribers::{Published, Subscribers, raise_descriptors};
use crate::Result;
use crate::measure::effort::Effort;
use crate::process::{SERVER_CORE, pinned};
use crate::stats::Spread;
use crate::subject::runtime;
use crate::subject::streams::{Audience, StreamServer};
use crate::table::Table;

/// How many subscribers get each event, each on a connection of its own.
const SUBSCRIBERS: usize = 10_000;

const SERVERS: [(StreamServer, &str); 2] = [(StreamServer::Ours, "SSE"), (StreamServer::OursWebSocket, "WebSocket")];

/// How many objects an event has.
const EVENTS: [(u64, &str); 2] = [(1, "one object"), (10, "ten objects")];

const AUDIENCES: [(Audience, &str); 2] = [(Audience::Shared, "`Shared`"), (Audience::Each, "serialized for each")];

/// What the events of a server have cost: by event, then by round, then by audience.
type Rounds = [Vec<[Published; 2]>; EVENTS.len()];

pub(super) fn run(effort: Effort) -> Result<Table> {
    raise_descriptors(SUBSCRIBERS)?;
    let columns = ["times serialized", "last subscriber, ms", "CPU time, ms", "CPU time, `Shared` = 1.00"];
    let mut table = Table::new("streams-fan-out", "One event to 10,000 subscribers", "", columns);
    for (server, transport) in SERVERS {
        eprintln!("  {transport}");
        let rounds = runtime(1)?.block_on(publish_rounds(server, effort.rounds))?;
        add_rows(&mut table, transport, &rounds);
    }
    Ok(table)
}

async fn publish_rounds(server: StreamServer, rounds: usize) -> Result<Rounds> {
    let process = start(server, &mut pinned(SERVER_CORE, &command(server)?)).await?;
    let mut subscribers = Subscribers::open(process, server.wire(), SUBSCRIBERS).await?;
    let mut published = [const { Vec::new() }; EVENTS.len()];
    // The first round does not count: buffers of the server and the clients are new in it.
    for round in 0..=rounds {
        for ((users, _), published) in EVENTS.iter().zip(&mut published) {
            let visited = publish_to_all(&mut subscribers, round, *users).await?;
            if round > 0 {
                published.push(visited);
            }
        }
    }
    subscribers.process.stop()?;
    Ok(published)
}

/// Publishes an event to each audience, in an order that alternates.
async fn publish_to_all(subscribers: &mut Subscribers, round: usize, users: u64) -> Result<[Published; 2]> {
    if round.is_multiple_of(2) {
        let shared = subscribers.publish(Audience::Shared, users).await?;
        return Ok([shared, subscribers.publish(Audience::Each, users).await?]);
    }
    let each = subscribers.publish(Audience::Each, users).await?;
    Ok([subscribers.publish(Audience::Shared, users).await?, each])
}

fn add_rows(table: &mut Table, transport: &str, published: &Rounds) {
    for ((_, event), rounds) in EVENTS.iter().zip(published) {
        for (place, (_, audience)) in AUDIENCES.iter().enumerate() {
            let spread = |value: fn(&Published, &Published) -> f64| {
                Some(Spread::of(rounds.iter().map(|round| value(&round[place], &round[0])).collect()))
            };
            let cells = [
                spread(|event, _| event.serialized as f64),
                spread(|event, _| event.delays.last().copied().unwrap_or_default()),
                spread(|event, _| event.cpu.as_secs_f64() * 1e3),
                spread(|event, shared| event.cpu.as_secs_f64() / shared.cpu.as_secs_f64()),
            ];
            table.row(format!("{transport}, {event}, {audience}"), cells);
        }
    }
}
