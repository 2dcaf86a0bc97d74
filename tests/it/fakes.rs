//! `UsersClient::of(fake)`: a typed client of an implementation in the same process.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rpc::{Context, Error, RpcError};

#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
#[error("no user {id}")]
#[rpc(code = 1001)]
struct NotFound {
    id: u64,
}

#[rpc::service(namespace = "user")]
trait Users {
    #[rpc(readonly)]
    async fn name(&self, id: u64) -> Result<String, NotFound>;
    async fn create(&self, name: String) -> u64;
    #[rpc(blocking)]
    fn hash(&self, text: String) -> usize;
}

#[derive(Default)]
struct FakeUsers {
    created: AtomicU64,
}

impl Users for FakeUsers {
    async fn name(&self, id: u64) -> Result<String, NotFound> {
        if id == 1 { Ok("Ada".to_owned()) } else { Err(NotFound { id }) }
    }
    async fn create(&self, _: String) -> u64 {
        self.created.fetch_add(1, Ordering::Relaxed)
    }
    fn hash(&self, text: String) -> usize {
        text.len()
    }
}

#[tokio::test]
async fn fake_answers_calls_in_one_line() {
    let users = UsersClient::of(FakeUsers::default());
    assert_eq!(users.name(1).await.unwrap(), "Ada");
    assert!(matches!(users.name(2).await, Err(Error::Method(NotFound { id: 2 }))));
    assert_eq!(users.hash("four").await.unwrap(), 4);
}

#[tokio::test]
async fn test_sees_what_a_shared_fake_has_seen() {
    let fake = Arc::new(FakeUsers::default());
    let users = UsersClient::of(Arc::clone(&fake));
    users.create("Ada").await.unwrap();
    users.create("Eve").notify().await.unwrap();
    assert_eq!(fake.created.load(Ordering::Relaxed), 2);
}

#[rpc::service(requires = "staff")]
trait Guarded {
    #[rpc(requires = "admin")]
    async fn whoami(&self, #[rpc(context)] cx: &Context) -> Vec<String>;
    #[rpc(requires = "auditor", requires = "admin")]
    async fn audit(&self);
}

struct FakeGuarded;

impl Guarded for FakeGuarded {
    async fn whoami(&self, cx: &Context) -> Vec<String> {
        cx.principal().map(|who| who.roles().map(str::to_owned).collect()).unwrap_or_default()
    }
    async fn audit(&self) {}
}

#[tokio::test]
async fn callers_of_a_fake_have_every_role_that_the_service_requires() {
    let guarded = GuardedClient::of(FakeGuarded);
    assert_eq!(guarded.whoami().await.unwrap(), ["admin", "auditor", "staff"]);
    guarded.audit().await.unwrap();
}

#[rpc::service]
trait Offers {
    async fn of(&self, article: String) -> u64;
}

struct FakeOffers;

impl Offers for FakeOffers {
    async fn of(&self, article: String) -> u64 {
        article.len() as u64
    }
}

#[tokio::test]
async fn method_named_of_takes_the_place_of_the_function() {
    let server = rpc::Server::builder().service(OffersServer::new(FakeOffers)).build();
    let offers = OffersClient::new(rpc::Client::in_process(&server));
    assert_eq!(offers.of("anvil").await.unwrap(), 5);
}
