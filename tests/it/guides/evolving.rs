//! The code of docs/evolving.md.
#![expect(unreachable_pub, reason = "a reader's contract is a crate of its own")]

use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub struct Order {
    pub id: u64,
    #[serde(default)]
    pub paid: bool,
}

#[rpc::service]
trait Orders {
    #[rpc(readonly)]
    async fn list(&self, limit: u32, #[rpc(default)] offset: u32) -> Vec<Order>;

    #[rpc(readonly, name = "find", alias = "search")]
    async fn find(&self, text: String) -> Vec<Order>;
}
