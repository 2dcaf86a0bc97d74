//! Our client in a bare loop: callers that make typed calls and check the results, without a clock or statistics.

use std::time::Instant;

use rpc::{Client, Retry};

use super::dispatch::ours::ApiClient;
use crate::Result;

/// Makes `calls` calls by `callers` tasks, each sent once, and prints how long that took. The first calls, which
/// open the connections, are counted.
pub(super) fn run(callers: usize, calls: usize, url: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let client = Client::builder().endpoint(url).retry(Retry::never()).build()?;
        let start = Instant::now();
        let share = |caller: usize| calls / callers + usize::from(caller < calls % callers);
        let running: Vec<_> = (0..callers).map(|caller| tokio::spawn(call(client.clone(), share(caller)))).collect();
        for caller in running {
            caller.await??;
        }
        println!("{}", serde_json::json!({ "elapsed_s": start.elapsed().as_secs_f64() }));
        Ok(())
    })
}

async fn call(client: Client, calls: usize) -> Result<()> {
    let api = ApiClient::new(client);
    for _ in 0..calls {
        let difference = api.subtract(42, 23).readonly().await?;
        if difference != 19 {
            return Err(format!("42 - 23 was answered with {difference}").into());
        }
    }
    Ok(())
}
