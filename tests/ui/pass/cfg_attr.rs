//! Attributes inside `cfg_attr` apply if its condition holds: on traits, methods, parameters and errors.
#![deny(warnings)]

use rpc::{Client, Describe, Effect, RpcError, Server};

/// Written first.
#[rpc::service(namespace = "user")]
#[cfg_attr(all(), doc = "Written under a condition.")]
#[cfg_attr(any(), deprecated)]
pub trait Users {
    /// Looks a user up.
    #[cfg_attr(all(), doc = "On all systems.", rpc(readonly, timeout = "2s"))]
    #[cfg_attr(any(), doc = "On none.", rpc(name = "none"))]
    async fn get(
        &self,
        #[cfg_attr(all(), rpc(name = "userId"), doc = "Its id.")] id: u64,
        #[cfg_attr(all(), rpc(default = 7), allow(unused_variables))]
        #[cfg_attr(any(), rpc(context))]
        limit: u64,
    ) -> u64 {
        id
    }

    #[cfg_attr(all(), deprecated(note = "use `get`"))]
    fn old(&self) -> u64;

    #[cfg_attr(any(), deprecated)]
    fn current(&self) -> u64;

    #[cfg_attr(all(), cfg_attr(all(), rpc(idempotent)), cfg_attr(any(), rpc(readonly)))]
    #[cfg_attr(not(any()), expect(non_snake_case))]
    async fn nestedOnes(&self);

    #[cfg_attr(all(), cfg(any()))]
    async fn absent(&self, id: Absent);

    #[cfg_attr(all(), rpc(alias = "a"))]
    #[cfg_attr(true, rpc(alias = "b"))]
    #[cfg_attr(false, rpc(alias = "c"))]
    #[cfg_attr(all(),)]
    fn aliases(&self);
}

/// The types of a deprecated trait are deprecated too.
#[rpc::service]
#[cfg_attr(all(), deprecated)]
pub trait Gone {
    fn get(&self) -> u64;
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[cfg_attr(all(), derive(RpcError), rpc(crate = ::rpc))]
#[cfg_attr(any(), rpc(what))]
pub enum UserError {
    #[cfg_attr(all(), error("no user {id}"), rpc(code = 1001))]
    NotFound {
        #[cfg_attr(all(), rpc(name = "userId"))]
        id: u64,
    },
    #[error("old")]
    #[cfg_attr(all(), rpc(code = 1002, retryable), deprecated)]
    #[cfg_attr(any(), rpc(code = 1001))]
    Old,
    #[cfg_attr(all(), cfg(any()))]
    Absent(Absent),
    #[error(transparent)]
    #[cfg_attr(all(), rpc(transparent))]
    Inner(#[cfg_attr(all(), from)] Inner),
}

#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
#[cfg_attr(all(), rpc(code = 1003), error("inner"))]
pub struct Inner;

macro_rules! service {
    ($name:ident, $condition:meta) => {
        #[rpc::service]
        trait $name {
            #[cfg_attr($condition, rpc(readonly))]
            fn get(&self) -> u64;
        }
    };
}

service!(Readonly, all());
service!(Effectful, any());

struct Implementation;

impl Users for Implementation {
    fn old(&self) -> u64 {
        1
    }
    fn current(&self) -> u64 {
        2
    }
    async fn nestedOnes(&self) {}
    fn aliases(&self) {}
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), rpc::Error> {
    let users = UsersClient::SPEC;
    assert_eq!(users.docs, "Written first.\nWritten under a condition.");
    let [get, old, current, nested, aliases] = users.methods else { panic!() };
    assert_eq!((&*get.name, get.docs), ("user.get", "Looks a user up.\nOn all systems."));
    assert_eq!((get.effect, get.timeout.unwrap().as_secs()), (Effect::None, 2));
    assert_eq!((get.params[0].name, get.params[0].docs), ("userId", "Its id."));
    assert!(get.params[1].optional && !get.params[0].optional);
    assert!(old.deprecated && !current.deprecated);
    assert_eq!(nested.effect, Effect::Idempotent);
    assert_eq!(aliases.aliases, ["user.a", "user.b"]);
    assert_eq!(ReadonlyClient::SPEC.methods[0].effect, Effect::None);
    assert_eq!(EffectfulClient::SPEC.methods[0].effect, Effect::Once);

    let client = Client::in_process(&Server::builder().service(UsersServer::new(Implementation)).build());
    assert_eq!(UsersClient::new(client.clone()).get(5, 6).await?, 5);
    assert_eq!(client.call::<u64>("user.get", [3]).await?, 3);

    let object = UserError::NotFound { id: 3 }.to_error_object();
    assert_eq!((object.code().get(), object.data().unwrap().get()), (1001, r#"{"userId":3}"#));
    assert_eq!(UserError::from_error_object(object).unwrap(), UserError::NotFound { id: 3 });
    assert_eq!(UserError::ERRORS.iter().count(), 3);
    Ok(())
}
