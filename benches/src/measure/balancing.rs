//! How evenly simulated clients share servers, and what dead servers cost them.

use std::time::Duration;

use rpc::Balance;

use super::effort::Effort;
use crate::Result;
use crate::simulation::{self, Conditions, Scale, Simulated};
use crate::stats::Spread;
use crate::table::{Table, grouped};

const LARGE: Scale = Scale { servers: 1_000, clients: 10_000 };
const SMALL: Scale = Scale { servers: 100, clients: 1_000 };

/// The limits of the large simulation.
const MAX_TO_MEAN: f64 = 1.35;
const FAILED_ATTEMPTS: f64 = 0.005;

type MakeBalance = fn() -> Balance;

const BALANCERS: [(&str, MakeBalance); 4] = [
    ("peak_ewma", Balance::peak_ewma),
    ("least_requests", Balance::least_requests),
    ("random", Balance::random),
    ("round_robin", Balance::round_robin),
];

/// All servers live. Clients start within 1 s.
fn healthy(_: Scale) -> Conditions {
    Conditions { dead: 0, start_within: Duration::from_secs(1) }
}

/// One server in twenty is dead from the start. A client with `peak_ewma` tries a dead server once in 5.2 s: the
/// penalty lasts for 5 s, and then the next pick is near. Clients that start at random within this time try dead
/// servers evenly.
fn damaged(scale: Scale) -> Conditions {
    Conditions { dead: scale.servers / 20, start_within: Duration::from_millis(5_200) }
}

/// Simulates the default balancer with many servers once. Unless `effort` is quick, also compares all balancers with
/// fewer servers.
///
/// # Errors
///
/// The default balancer exceeds its limits.
pub(super) fn run(effort: Effort) -> Result<Vec<Table>> {
    let mut table = table("balancing", "Servers at 70 % load, simulated");
    let both = simulate(LARGE, Balance::peak_ewma)?;
    table.row(label("peak_ewma", LARGE), cells(std::slice::from_ref(&both)));
    both.iter().try_for_each(check).map_err(|broken| format!("{broken}\n\n{}", table.markdown()))?;
    if effort.quick {
        return Ok(vec![table]);
    }
    let mut compared = self::table("balancing-balancers", "Servers at 70 % load, simulated with each balancer");
    for (name, balance) in BALANCERS {
        eprintln!("  {name}");
        let rounds: Vec<_> = (0..effort.rounds).map(|_| simulate(SMALL, balance)).collect::<Result<_>>()?;
        compared.row(label(name, SMALL), cells(&rounds));
    }
    Ok(vec![table, compared])
}

/// Simulates healthy servers, and then some dead ones.
fn simulate(scale: Scale, balance: MakeBalance) -> Result<[Simulated; 2]> {
    let run = |conditions| simulation::run(scale, conditions, &balance());
    Ok([run(healthy(scale))?, run(damaged(scale))?])
}

fn table(id: &str, title: &str) -> Table {
    let columns = ["max/mean", "p99, ms", "5 % dead: failed, %", "max/mean", "p99, ms"];
    Table::new(id, title, "", columns)
}

fn label(balancer: &str, Scale { servers, clients }: Scale) -> String {
    format!("`{balancer}`, {} servers, {} clients", grouped(servers), grouped(clients))
}

fn cells(rounds: &[[Simulated; 2]]) -> [Option<Spread>; 5] {
    let cell = |value: fn(&[Simulated; 2]) -> f64| {
        let values: Vec<_> = rounds.iter().map(value).collect();
        Some(if let [only] = values[..] { only.into() } else { Spread::of(values) })
    };
    [
        cell(|[healthy, _]| healthy.max_to_mean),
        cell(|[healthy, _]| healthy.p99),
        cell(|[_, damaged]| damaged.failed_attempts * 100.0),
        cell(|[_, damaged]| damaged.max_to_mean),
        cell(|[_, damaged]| damaged.p99),
    ]
}

fn check(simulated: &Simulated) -> Result<()> {
    let Simulated { max_to_mean, failed_attempts, failed_calls, .. } = *simulated;
    if max_to_mean > MAX_TO_MEAN {
        return Err(format!("a server has {max_to_mean:.2} times the mean, the limit is {MAX_TO_MEAN}").into());
    }
    if failed_attempts > FAILED_ATTEMPTS {
        return Err(format!("{failed_attempts:.4} of the attempts fail, the limit is {FAILED_ATTEMPTS}").into());
    }
    if failed_calls > 0 {
        return Err(format!("{failed_calls} calls failed").into());
    }
    Ok(())
}
