//! A service in a module where names of the standard library have other meanings.
#![allow(dead_code, non_snake_case, non_upper_case_globals)]

mod shadowed {
    use serde::{Deserialize, Serialize};

    // A parameter of this type is no string. The client still takes any type that converts into it.
    #[derive(Clone, Serialize, Deserialize)]
    pub struct String {
        pub text: std::string::String,
    }

    pub struct Result;
    pub struct Option;
    pub struct Vec;
    pub struct Box;
    pub struct Arc;
    pub struct Infallible;
    pub struct Client;
    pub struct Server;
    pub struct Call;
    pub struct ReturnGuard;
    pub trait Send {}
    pub trait Sync {}
    pub trait Sized {}
    pub trait Future {}
    pub trait Into {}
    pub trait From {}
    pub trait Default {}
    pub trait Clone {}
    pub trait Debug {}
    pub trait Service {}
    pub trait Describe {}
    pub const None: u8 = 0;
    pub fn Some() {}
    pub fn Ok() {}
    pub fn Err() {}
    pub fn call() {}
    pub fn asynchronous() {}
}

mod service {
    use super::shadowed::*;

    mod core {}
    mod std {}
    mod rpc {}
    mod serde {}

    #[derive(::std::fmt::Debug, thiserror::Error, ::rpc::RpcError)]
    #[error("refused")]
    pub enum Refused {
        #[rpc(code = 1)]
        Named { reason: ::std::string::String },
        #[rpc(code = 2)]
        Plain,
        #[rpc(transparent)]
        Other(::rpc::ErrorObject),
    }

    #[::rpc::service]
    pub trait Shadow {
        async fn shout(&self, name: String, #[rpc(default = 2)] times: u8) -> ::std::string::String;
        fn check(&self, limit: ::std::option::Option<u8>) -> ::std::result::Result<(), Refused>;
        fn guarded(&self) -> ::std::vec::Vec<u8>;
    }

    pub struct Implementation;

    impl Shadow for Implementation {
        async fn shout(&self, name: String, times: u8) -> ::std::string::String {
            name.text.repeat(times.into())
        }
        fn check(&self, limit: ::std::option::Option<u8>) -> ::std::result::Result<(), Refused> {
            match limit {
                ::std::option::Option::None => ::std::result::Result::Ok(()),
                _ => ::std::result::Result::Err(Refused::Named { reason: "no".into() }),
            }
        }
        fn guarded(&self) -> ::std::vec::Vec<u8> {
            ::std::vec![1]
        }
    }
}

use service::{Implementation, Refused, ShadowClient, ShadowServer};

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let server = rpc::Server::builder().service(ShadowServer::new(Implementation)).build();
    let shadow = ShadowClient::new(rpc::Client::in_process(&server));
    let name = shadowed::String { text: "a".to_owned() };
    assert_eq!(shadow.shout(name, 3).await.unwrap(), "aaa");
    shadow.check(None).await.unwrap();
    let error = shadow.check(Some(1)).await.unwrap_err();
    assert!(matches!(error, rpc::Error::Method(Refused::Named { reason }) if reason == "no"));
    assert_eq!(shadow.guarded().await.unwrap(), [1]);
}
