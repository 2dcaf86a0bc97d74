//! Types called `Result` with a hidden error type.

use rpc::{Client, Error, RpcError, Server};

#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
#[error("no user {0}")]
#[rpc(code = 1001)]
struct NoUser(u64);

type Result<T> = std::result::Result<T, NoUser>;

mod other {
    pub type Result<T, E = super::NoUser> = std::result::Result<T, E>;
}

mod done {
    pub type Result = super::Result<()>;
}

#[rpc::service]
trait Users {
    async fn name(&self, id: u64) -> Result<String>;
    fn age(&self, id: u64) -> other::Result<u8>;
    fn both(&self, id: u64) -> other::Result<u8, rpc::ErrorObject>;
    async fn remove(&self, id: u64) -> done::Result;
    async fn nested(&self, ids: Vec<u64>) -> Vec<std::result::Result<String, String>>;
}

struct Nobody;

impl Users for Nobody {
    async fn name(&self, id: u64) -> Result<String> {
        Err(NoUser(id))
    }
    fn age(&self, id: u64) -> other::Result<u8> {
        Err(NoUser(id))
    }
    fn both(&self, _: u64) -> other::Result<u8, rpc::ErrorObject> {
        Err(rpc::ErrorObject::new(7, "no"))
    }
    async fn remove(&self, id: u64) -> done::Result {
        if id == 0 { Ok(()) } else { Err(NoUser(id)) }
    }
    async fn nested(&self, ids: Vec<u64>) -> Vec<std::result::Result<String, String>> {
        ids.into_iter().map(|id| Err(id.to_string())).collect()
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let server = Server::builder().service(UsersServer::new(Nobody)).build();
    let users = UsersClient::new(Client::in_process(&server));
    assert!(matches!(users.name(1).await, Err(Error::Method(NoUser(1)))));
    assert!(matches!(users.age(2).await, Err(Error::Method(NoUser(2)))));
    assert!(matches!(users.both(3).await, Err(Error::Method(error)) if error.code().get() == 7));
    assert!(matches!(users.remove(4).await, Err(Error::Method(NoUser(4)))));
    users.remove(0).await.unwrap();
    // Inside another type, a `Result` is a plain value.
    assert_eq!(users.nested(vec![5]).await.unwrap(), [Err("5".to_owned())]);
}
