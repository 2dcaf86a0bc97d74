//! jsonrpsee's server.

use jsonrpsee::server::middleware::rpc::RpcServiceBuilder;
use jsonrpsee::server::{ServerBuilder, ServerConfig};

use crate::Result;
use crate::subject::dispatch::jsonrpsee::module;
use crate::subject::host::announce;

/// The length that jsonrpsee's own client sets for its logger.
const LOGGED_BYTES: u32 = 1024;

pub(super) async fn serve(logger: bool) -> Result<()> {
    // The one limit that a measurement must raise: the maximum number of connections, which is 100.
    let config = ServerConfig::builder().max_connections(10_000).build();
    let builder = ServerBuilder::with_config(config);
    let handle = if logger {
        let middleware = RpcServiceBuilder::new().rpc_logger(LOGGED_BYTES);
        let server = builder.set_rpc_middleware(middleware).build("127.0.0.1:0").await?;
        announce(server.local_addr()?);
        server.start(module()?)
    } else {
        let server = builder.build("127.0.0.1:0").await?;
        announce(server.local_addr()?);
        server.start(module()?)
    };
    handle.stopped().await;
    Ok(())
}
