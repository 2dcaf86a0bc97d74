#[rpc::service]
struct Users;

#[rpc::service]
impl Users {
    async fn get(&self, id: u64) -> u64 {
        id
    }
}

#[rpc::service]
async fn get(id: u64) -> u64 {
    id
}

fn main() {
    let _ = (Users.get(1), get(2));
}
