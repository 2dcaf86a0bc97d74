struct Session;

#[rpc::service]
trait Users {
    async fn get(&self, #[rpc(context)] cx: &Session) -> u64;
    fn count(&self, #[rpc(context)] cx: &Session) -> u64;
}

fn main() {}
