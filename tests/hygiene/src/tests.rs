use std::sync::Arc;

use foo::{Client, Context, Describe, Error, ErrorCode, ErrorObject, Server};

use crate::reexported::relative::{Echo, EchoClient, EchoServer, Ping, PingClient, PingServer};
use crate::reexported::{DivisionByZero, Math, MathClient, MathServer};
use crate::renamed::{Refused, User, UserError, Users, UsersClient, UsersServer};

struct Everything;

impl Users for Everything {
    async fn get(&self, id: u64) -> Result<User, UserError> {
        match id {
            0 => Err(UserError::NotFound { id }),
            1 => Err(Refused { reason: "no".to_owned() }.into()),
            2 => Err(UserError::Other(ErrorObject::new(3, "three"))),
            _ => Ok(User { id, name: "Ada".to_owned() }),
        }
    }

    fn name(&self, cx: &Context, times: usize) -> String {
        cx.method().repeat(times)
    }

    async fn create(&self, name: String, _: &Context, id: Option<u64>) -> ErrorCode {
        assert_eq!((name.as_str(), id), ("Ada", None));
        ErrorCode::INTERNAL_ERROR
    }

    async fn find(&self, id: u64) -> Result<User, UserError> {
        self.get(id).await
    }
}

impl Math for Everything {
    fn divide(&self, dividend: i64, divisor: i64) -> Result<i64, DivisionByZero> {
        dividend.checked_div(divisor).ok_or(DivisionByZero(dividend))
    }
}

impl Ping for Everything {
    async fn ping(&self, cx: &Context) -> String {
        cx.method().to_owned()
    }
}

impl Echo for Everything {
    async fn echo(&self, text: String) -> String {
        text
    }
}

fn client() -> Client {
    let everything = Arc::new(Everything);
    let server = Server::builder()
        .service(UsersServer::new(Arc::clone(&everything)))
        .service(MathServer::new(Arc::clone(&everything)))
        .service(PingServer::new(Arc::clone(&everything)))
        .service(EchoServer::new(everything))
        .build();
    Client::in_process(&server)
}

#[tokio::test]
async fn renamed_facade_carries_values_and_errors() {
    let users = UsersClient::new(client());
    assert_eq!(users.get(3).await.unwrap(), User { id: 3, name: "Ada".to_owned() });
    assert!(matches!(users.get(0).await, Err(Error::Method(UserError::NotFound { id: 0 }))));
    assert!(matches!(users.get(1).await, Err(Error::Method(UserError::Refused(refused))) if refused.reason == "no"));
    assert!(matches!(users.get(2).await, Err(Error::Method(UserError::Other(other))) if other.message() == "three"));
    assert_eq!(users.name(2).await.unwrap(), "user.nameuser.name");
    assert_eq!(users.create("Ada", None).await.unwrap(), ErrorCode::INTERNAL_ERROR);
}

#[tokio::test]
async fn renamed_facade_keeps_defaults_and_aliases() {
    let name: String = client().call("user.self", ()).await.unwrap();
    assert_eq!(name, "user.name");
    assert_eq!(UsersClient::SPEC.methods[3].name, "user.find");
}

#[tokio::test]
async fn reexported_facade_carries_values_and_errors() {
    let math = MathClient::new(client());
    assert_eq!(math.divide(7, 2).await.unwrap(), 3);
    assert!(matches!(math.divide(7, 0).await, Err(Error::Method(DivisionByZero(7)))));
    assert_eq!(client().call::<i64>("DIVIDE", [8, 2]).await.unwrap(), 4);
}

#[tokio::test]
async fn facade_is_found_by_a_relative_path() {
    assert_eq!(PingClient::new(client()).ping().await.unwrap(), "ping");
    assert_eq!(EchoClient::from(client()).echo("hello").await.unwrap(), "hello");
}
