//! What a client pays for its endpoints: in each call, and in memory.

use super::effort::Effort;
use crate::Result;
use crate::callgrind::{Callgrind, PerCall};
use crate::process::subject;
use crate::table::{Table, grouped};

const BALANCERS: [&str; 6] = ["peak_ewma", "least_requests", "weighted", "random", "round_robin", "hash"];

/// The numbers of endpoints. A client with one has nothing to choose.
const ENDPOINTS: [usize; 4] = [1, 2, 100, 1_000];

/// How many clients of 1,000 endpoints are built to measure their memory.
const CLIENTS: usize = 20;

pub(super) fn run(effort: Effort) -> Result<Vec<Table>> {
    let callgrind = Callgrind::new()?;
    let mut instructions =
        Table::new("endpoints", "Instructions per call by number of endpoints", "endpoints", BALANCERS);
    let mut allocations =
        Table::new("endpoints-allocations", "Allocations per call by number of endpoints", "endpoints", BALANCERS);
    for endpoints in ENDPOINTS {
        eprintln!("  {endpoints} endpoints");
        let costs: Vec<PerCall> =
            BALANCERS.iter().map(|balancer| callgrind.endpoints(balancer, endpoints)).collect::<Result<_>>()?;
        instructions.row(grouped(endpoints), costs.iter().map(|cost| Some(cost.instructions)));
        allocations.row(grouped(endpoints), costs.iter().map(|cost| Some(cost.allocations)));
    }
    let mut memory =
        Table::new("endpoints-memory", "Memory of an HTTP endpoint without connections, KiB", "", ["**ours**"]);
    let clients = if effort.quick { 2 } else { CLIENTS };
    let output = subject(&["endpoint-memory", &clients.to_string()])?.output()?;
    let bytes: f64 = String::from_utf8(output.stdout)?.trim().parse()?;
    memory.row("of 1,000", [Some(bytes / 1024.0)]);
    Ok(vec![instructions, allocations, memory])
}
