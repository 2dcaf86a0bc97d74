use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Page(u32);

#[rpc::service]
trait Users {
    fn list(&self, #[rpc(default = "ten")] limit: u32) -> u64;
    fn page(&self, #[rpc(default)] page: Page) -> u64;
}

fn main() {}
