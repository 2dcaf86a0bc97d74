//! How long a well-behaved client waits, alone and next to a neighbour that keeps the server busy.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::effort::Effort;
use crate::Result;
use crate::connection::{Connection, request};
use crate::process::{ServerProcess, subject};
use crate::scenario::{Scenario, batch};
use crate::stats::quantile;
use crate::subject::server::Server;
use crate::table::Table;

/// What the neighbour does all the time, on its own connection.
#[derive(Clone, Copy)]
enum Neighbour {
    Nobody,
    /// Batches of 1,024 calls that take 50 microseconds of CPU each.
    Busy,
    /// Batches of 1,024 calls that sleep for 10 ms.
    Asleep,
}

const NEIGHBOURS: [(Neighbour, &str); 3] = [
    (Neighbour::Nobody, "alone"),
    (Neighbour::Busy, "beside batches of 1,024 x 50 us of CPU"),
    (Neighbour::Asleep, "beside batches of 1,024 x 10 ms asleep"),
];

const THREADS: [(usize, &str); 2] = [(1, "one thread"), (2, "two threads")];

pub(super) fn run(effort: Effort) -> Result<Vec<Table>> {
    let columns: Vec<String> = Server::FRAMEWORKS
        .iter()
        .flat_map(|server| THREADS.map(|(_, threads)| format!("{}, {threads}", server.title())))
        .collect();
    let columns = || columns.iter().map(String::as_str);
    let mut p50 = Table::new("fairness-p50", "Latency of a healthy client, p50, ms", "", columns());
    let mut p99 = Table::new("fairness", "Latency of a healthy client, p99, ms", "", columns());
    let duration = Duration::from_secs(if effort.quick { 1 } else { 5 });
    for (neighbour, label) in NEIGHBOURS {
        eprintln!("  {label}");
        let mut latencies = Vec::new();
        for server in Server::FRAMEWORKS {
            for (threads, _) in THREADS {
                latencies.push(latencies_beside(neighbour, *server, threads, duration)?);
            }
        }
        p50.row(label, latencies.iter().map(|sorted| Some(quantile(sorted, 0.5))));
        p99.row(label, latencies.iter().map(|sorted| Some(quantile(sorted, 0.99))));
    }
    Ok(vec![p99, p50])
}

/// Returns the latencies in milliseconds, sorted.
fn latencies_beside(neighbour: Neighbour, server: Server, threads: usize, duration: Duration) -> Result<Vec<f64>> {
    let process = ServerProcess::start(&mut subject(&["server", &server.to_string(), &threads.to_string()])?)?;
    let (addr, stop) = (process.addr(), AtomicBool::new(false));
    let latencies = thread::scope(|scope| {
        let bad = scope.spawn(|| disturb(neighbour, addr, &stop));
        let latencies = ask(addr, duration);
        stop.store(true, Ordering::Relaxed);
        bad.join().expect("the neighbour does not panic")?;
        latencies
    })?;
    process.stop()?;
    Ok(latencies)
}

/// How long the well-behaved client waits before its next call.
///
/// Without a pause, most of its calls would fall into the gap between two of the neighbour's batches. The few calls
/// that meet a batch would hardly show in the result.
const PAUSE: Duration = Duration::from_millis(1);

/// Makes calls one after the other, with a pause between them, for this duration.
fn ask(addr: SocketAddr, duration: Duration) -> Result<Vec<f64>> {
    let mut connection = Connection::open(addr)?;
    let request = request(&Scenario::One.request());
    let (begin, mut latencies) = (Instant::now(), Vec::new());
    while begin.elapsed() < duration {
        thread::sleep(PAUSE);
        let sent = Instant::now();
        Scenario::One.check(connection.send(&request)?)?;
        latencies.push(sent.elapsed().as_secs_f64() * 1e3);
    }
    latencies.sort_by(f64::total_cmp);
    Ok(latencies)
}

fn disturb(neighbour: Neighbour, addr: SocketAddr, stop: &AtomicBool) -> Result<()> {
    let body = match neighbour {
        Neighbour::Nobody => return Ok(()),
        Neighbour::Busy => batch(1_024, "burn", "[50]"),
        Neighbour::Asleep => batch(1_024, "nap", "[10]"),
    };
    let (mut connection, request) = (Connection::open(addr)?, request(&body));
    while !stop.load(Ordering::Relaxed) {
        connection.send(&request)?;
    }
    Ok(())
}
