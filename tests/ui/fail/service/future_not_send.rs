use std::rc::Rc;

#[rpc::service]
trait Users {
    async fn get(&self, id: u64) -> u64;
}

struct InMemoryUsers;

impl Users for InMemoryUsers {
    async fn get(&self, id: u64) -> u64 {
        let id = Rc::new(id);
        std::future::ready(()).await;
        *id
    }
}

fn main() {}
