#[rpc::service(namespace = "user")]
trait Users {
    fn get(&self, id: u64);

    #[rpc(name = "get")]
    fn fetch(&self, id: u64);

    #[rpc(alias = "get")]
    fn find(&self, id: u64);

    #[rpc(alias = "list", alias = "all", alias = "all")]
    fn list(&self);
}

#[rpc::service(rename_all = "camelCase")]
trait Renamed {
    fn get_user(&self, user_id: u64, #[rpc(name = "userId")] id: u64);

    #[rpc(name = "getUser")]
    fn get(&self);
}

#[rpc::service]
trait Reserved {
    #[rpc(name = "rpc.discover")]
    fn discover(&self);

    #[rpc(alias = "rpc.ping")]
    fn ping(&self);
}

fn main() {}
