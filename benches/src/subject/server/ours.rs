//! Our server, standalone.

use crate::Result;
use crate::subject::dispatch::ours::server;
use crate::subject::host::announce;

pub(super) async fn serve() -> Result<()> {
    let bound = server().bind("127.0.0.1:0").await?;
    announce(bound.local_addr());
    bound.serve_until(std::future::pending()).await;
    Ok(())
}
