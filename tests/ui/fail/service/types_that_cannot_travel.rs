use serde::Serialize;

struct Filter;

#[derive(Serialize)]
struct User;

#[rpc::service]
trait Users {
    async fn find(&self, filter: Filter) -> u64;
    fn count(&self, filter: Option<Filter>) -> u64;
    async fn get(&self, id: u64) -> User;
    fn filter(&self) -> Filter;
}

fn main() {}
