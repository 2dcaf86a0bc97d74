//! What coalescing saves for concurrent callers, and what it costs a single one: the server on one core, the client on
//! the other.
//!
//! Each round measures each kind of callers once, in an order that rotates, and compares it with jsonrpsee in the same
//! round.

use crate::Result;
use crate::process::{LOAD_CORE, SERVER_CORE, ServerProcess, pinned, subject};
use crate::stats::Spread;
use crate::subject::callers::{Callers, Measured};
use crate::subject::server::Server;
use crate::table::Table;

/// The number of callers, the number of calls of each, and the label of the row.
const LOADS: [(usize, usize, &str); 2] = [(64, 1_000, "64 callers"), (1, 10_000, "1 caller")];

pub(crate) fn run(rounds: usize, quick: bool) -> Result<Vec<Table>> {
    let [jsonrpsee, ours] = [start(Server::Jsonrpsee)?, start(Server::Ours)?];
    let mut measured: Vec<Vec<[f64; 4]>> = vec![Vec::new(); LOADS.len()];
    let mut latencies = measured.clone();
    for round in 0..rounds {
        eprintln!("  round {} of {rounds}", round + 1);
        for (row, (callers, calls, _)) in LOADS.into_iter().enumerate() {
            let calls = if quick { calls / 10 } else { calls };
            let (mut micros, mut waits) = ([0.0; 4], [0.0; 4]);
            for place in 0..Callers::ALL.len() {
                let place = (place + round) % Callers::ALL.len();
                let kind = Callers::ALL[place];
                let server = if kind == Callers::Jsonrpsee { &jsonrpsee } else { &ours };
                (micros[place], waits[place]) = visit(kind, callers, calls, server)?;
            }
            measured[row].push(micros);
            latencies[row].push(waits);
        }
    }
    jsonrpsee.stop()?;
    ours.stop()?;
    let table = |id, title, rounds: &[Vec<[f64; 4]>], value: fn(&[f64; 4], usize) -> f64| {
        let mut table = Table::new(id, title, "", Callers::ALL.iter().map(|callers| callers.title()));
        for ((_, _, label), rounds) in LOADS.iter().zip(rounds) {
            let cell = |place| Some(Spread::of(rounds.iter().map(|round| value(round, place)).collect()));
            table.row(*label, (0..Callers::ALL.len()).map(cell));
        }
        table
    };
    Ok(vec![
        table("coalescing", "Calls per CPU second, client and server, jsonrpsee = 1.00", &measured, |round, place| {
            round[0] / round[place]
        }),
        table("coalescing-time", "CPU time per call, client and server, microseconds", &measured, |round, place| {
            round[place]
        }),
        table("coalescing-latency", "Median latency of a call or a batch, microseconds", &latencies, |round, place| {
            round[place]
        }),
    ])
}

fn start(server: Server) -> Result<ServerProcess> {
    ServerProcess::start(&mut pinned(SERVER_CORE, &subject(&["server", &server.to_string()])?))
}

/// Returns the CPU time of a call in client and server, and its latency, in microseconds.
fn visit(kind: Callers, callers: usize, calls: usize, server: &ServerProcess) -> Result<(f64, f64)> {
    let counts = [callers, calls].map(|count| count.to_string());
    let before = server.cpu()?;
    let command = subject(&["callers", &kind.to_string(), &counts[0], &counts[1], &server.url()])?;
    let output = pinned(LOAD_CORE, &command).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let spent = (server.cpu()? - before).as_secs_f64() * 1e6;
    let client: Measured = String::from_utf8(output.stdout)?.parse()?;
    // The server has also answered the calls that open the connections.
    let of = |callers: usize| kind.requested(callers, calls / 10 + 1) + kind.requested(callers, calls);
    Ok((client.cpu + spent / of(callers) as f64, client.latency))
}
