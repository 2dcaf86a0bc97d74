//! jsonrpsee's server with a subscription.

use futures_util::StreamExt;
use jsonrpsee::RpcModule;
use jsonrpsee::core::SubscriptionResult;
use jsonrpsee::server::{PendingSubscriptionSink, ServerBuilder, ServerConfig};
use serde_json::value::to_raw_value;

use crate::Result;
use crate::subject::host::announce;
use crate::workload::{Pace, TICK};

pub(super) async fn serve() -> Result<()> {
    let mut module = RpcModule::new(());
    module.register_subscription("subscribe_ticks", TICK, "unsubscribe_ticks", |params, pending, _, _| async move {
        let (pace, count) = params.parse()?;
        send(pending, pace, count).await
    })?;
    // The one limit that a measurement must raise: the maximum number of connections, which is 100.
    let config = ServerConfig::builder().max_connections(10_000).build();
    let server = ServerBuilder::with_config(config).build("127.0.0.1:0").await?;
    announce(server.local_addr()?);
    server.start(module).stopped().await;
    Ok(())
}

async fn send(pending: PendingSubscriptionSink, pace: Pace, count: u64) -> SubscriptionResult {
    let sink = pending.accept().await?;
    let mut ticks = pace.ticks(count);
    while let Some(tick) = ticks.next().await {
        sink.send(to_raw_value(&tick)?).await?;
    }
    Ok(())
}
