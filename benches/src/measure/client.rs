//! Instructions and allocations of the clients, against our server in another process.

use super::effort::Effort;
use crate::Result;
use crate::callgrind::Callgrind;
use crate::process::{ServerProcess, subject};
use crate::scenario::Scenario;
use crate::subject::client::Client;
use crate::subject::server::Server;
use crate::table::Table;

const SCENARIOS: [(Scenario, &str); 2] =
    [(Scenario::One, "one typed call"), (Scenario::Batch(100), "a typed call in a batch of 100")];

pub(super) fn run(_: Effort) -> Result<Vec<Table>> {
    let callgrind = Callgrind::new()?;
    let server = ServerProcess::start(&mut subject(&["server", &Server::Ours.to_string()])?)?;
    let columns = || Client::ALL.iter().map(|client| client.title());
    let mut instructions = Table::new("client", "Instructions per call, client", "", columns());
    let mut allocations = Table::new("client-allocations", "Allocations per call, client", "", columns());
    for (scenario, label) in SCENARIOS {
        eprintln!("  {label}");
        let cost = |client: &Client| callgrind.client(*client, scenario, &server.url());
        let costs: Vec<_> = Client::ALL.iter().map(cost).collect::<Result<_>>()?;
        instructions.row(label, costs.iter().map(|cost| Some(cost.instructions)));
        allocations.row(label, costs.iter().map(|cost| Some(cost.allocations)));
    }
    server.stop()?;
    Ok(vec![instructions, allocations])
}
