//! The table of docs/evolving.md: how a change of a method affects clients and servers of the other version.

use rpc::{Client, Error, ErrorCode, RpcError, Server};
use serde::{Deserialize, Serialize};

mod old {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub(super) struct Order {
        pub(super) id: u64,
        pub(super) note: String,
        pub(super) tag: Option<String>,
    }

    #[derive(Debug, PartialEq, thiserror::Error, RpcError)]
    #[rpc(code = 1)]
    #[error("gone")]
    pub(super) struct Gone;

    #[rpc::service(rename_all = "snake_case")]
    pub(super) trait Orders {
        async fn list(&self, limit: u32) -> Vec<u32>;
        async fn grown(&self, limit: u32) -> Vec<u32>;
        async fn renamed_param(&self, limit: u32) -> u32;
        async fn get(&self) -> Order;
        async fn less(&self) -> Order;
        async fn search(&self, text: String) -> u32;
        async fn fails(&self) -> Result<u32, Gone>;
        async fn recoded(&self) -> Result<u32, Gone>;
    }

    #[derive(Clone)]
    pub(super) struct Implementation;

    impl Orders for Implementation {
        async fn list(&self, limit: u32) -> Vec<u32> {
            vec![limit]
        }
        async fn grown(&self, limit: u32) -> Vec<u32> {
            vec![limit]
        }
        async fn renamed_param(&self, limit: u32) -> u32 {
            limit
        }
        async fn get(&self) -> Order {
            Order { id: 1, note: "old".into(), tag: None }
        }
        async fn less(&self) -> Order {
            Order { id: 1, note: "old".into(), tag: None }
        }
        async fn search(&self, text: String) -> u32 {
            text.len() as u32
        }
        async fn fails(&self) -> Result<u32, Gone> {
            Err(Gone)
        }
        async fn recoded(&self) -> Result<u32, Gone> {
            Err(Gone)
        }
    }

    pub(super) fn client(server: &Server) -> OrdersClient {
        OrdersClient::new(Client::in_process(server))
    }

    pub(super) fn server() -> Server {
        Server::builder().service(OrdersServer::new(Implementation)).build()
    }

    #[rpc::service(lenient)]
    pub(super) trait Lenient {
        async fn list(&self, limit: u32) -> Vec<u32>;
    }

    impl Lenient for Implementation {
        async fn list(&self, limit: u32) -> Vec<u32> {
            vec![limit]
        }
    }

    pub(super) fn lenient_server() -> Server {
        Server::builder().service(LenientServer::new(Implementation)).build()
    }
}

mod new {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    pub(super) struct Order {
        pub(super) id: u64,
        pub(super) note: String,
        #[serde(default)]
        pub(super) paid: bool,
    }

    /// The version without `note` and `tag`.
    #[derive(Debug, Serialize, Deserialize)]
    pub(super) struct Less {
        pub(super) id: u64,
    }

    #[derive(Debug, PartialEq, thiserror::Error, RpcError)]
    pub(super) enum Failed {
        #[error("gone")]
        #[rpc(code = 1)]
        Gone,
        #[error("moved to {to}")]
        #[rpc(code = 2)]
        Moved { to: String },
    }

    #[derive(Debug, thiserror::Error, RpcError)]
    #[rpc(code = 3)]
    #[error("gone")]
    pub(super) struct Recoded;

    #[rpc::service]
    pub(super) trait Orders {
        async fn list(&self, limit: u32, offset: Option<u32>) -> Vec<u32>;
        async fn grown(&self, limit: u32, offset: u32) -> Vec<u32>;
        async fn renamed_param(&self, count: u32) -> u32;
        async fn get(&self) -> Order;
        async fn less(&self) -> Less;
        #[rpc(alias = "search")]
        async fn find(&self, text: String) -> u32;
        async fn fails(&self) -> Result<u32, Failed>;
        async fn recoded(&self) -> Result<u32, Recoded>;
    }

    pub(super) struct Implementation;

    impl Orders for Implementation {
        async fn list(&self, limit: u32, offset: Option<u32>) -> Vec<u32> {
            vec![limit, offset.unwrap_or(0)]
        }
        async fn grown(&self, limit: u32, offset: u32) -> Vec<u32> {
            vec![limit, offset]
        }
        async fn renamed_param(&self, count: u32) -> u32 {
            count
        }
        async fn get(&self) -> Order {
            Order { id: 2, note: "new".into(), paid: true }
        }
        async fn less(&self) -> Less {
            Less { id: 2 }
        }
        async fn find(&self, text: String) -> u32 {
            text.len() as u32
        }
        async fn fails(&self) -> Result<u32, Failed> {
            Err(Failed::Moved { to: "there".into() })
        }
        async fn recoded(&self) -> Result<u32, Recoded> {
            Err(Recoded)
        }
    }

    pub(super) fn server() -> Server {
        Server::builder().service(OrdersServer::new(Implementation)).build()
    }

    pub(super) fn client(server: &Server) -> OrdersClient {
        OrdersClient::new(Client::in_process(server))
    }
}

#[track_caller]
fn assert_code<T: std::fmt::Debug, E: std::error::Error + 'static>(answer: Result<T, Error<E>>, code: ErrorCode) {
    let error = answer.unwrap_err();
    assert_eq!(error.error_object().map(|object| object.code()), Some(code), "{error}");
}

#[tokio::test]
async fn new_optional_parameter_breaks_no_old_client_and_new_ones_that_leave_it_out() {
    assert_eq!(old::client(&new::server()).list(5).await.unwrap(), [5, 0]);
    assert_eq!(new::client(&old::server()).list(5, None).await.unwrap(), [5]);
    assert_code(new::client(&old::server()).list(5, Some(1)).await, ErrorCode::INVALID_PARAMS);
    assert_eq!(new::client(&old::lenient_server()).list(5, Some(1)).await.unwrap(), [5]);
}

#[tokio::test]
async fn new_required_parameter_breaks_both() {
    assert_code(old::client(&new::server()).grown(5).await, ErrorCode::INVALID_PARAMS);
    assert_code(new::client(&old::server()).grown(5, 1).await, ErrorCode::INVALID_PARAMS);
}

#[tokio::test]
async fn renamed_parameter_breaks_both() {
    assert_code(old::client(&new::server()).renamed_param(5).await, ErrorCode::INVALID_PARAMS);
    assert_code(new::client(&old::server()).renamed_param(5).await, ErrorCode::INVALID_PARAMS);
}

#[tokio::test]
async fn new_field_is_ignored_by_old_clients_and_defaulted_by_new_ones() {
    let order = old::client(&new::server()).get().await.unwrap();
    assert_eq!(order, old::Order { id: 2, note: "new".into(), tag: None });
    let order = new::client(&old::server()).get().await.unwrap();
    assert_eq!(order, new::Order { id: 1, note: "old".into(), paid: false });
}

#[tokio::test]
async fn missing_field_fails_old_clients_unless_it_was_optional() {
    let error = old::client(&new::server()).less().await.unwrap_err();
    assert!(error.failure().unwrap().is_decode(), "{error}");
    let source = std::error::Error::source(error.failure().unwrap()).unwrap().to_string();
    assert!(source.contains("missing field `note`"), "{source}");
    assert_eq!(new::client(&old::server()).less().await.unwrap().id, 1);
}

#[tokio::test]
async fn alias_keeps_old_clients_and_not_old_servers() {
    assert_eq!(old::client(&new::server()).search("four").await.unwrap(), 4);
    assert_code(new::client(&old::server()).find("four").await, ErrorCode::METHOD_NOT_FOUND);
}

#[tokio::test]
async fn unknown_code_is_an_rpc_error_with_its_message() {
    let error = old::client(&new::server()).fails().await.unwrap_err();
    let Error::Rpc(object) = &error else { panic!("{error}") };
    assert_eq!((object.code().get(), object.message()), (2, "moved to there"));
    assert!(matches!(new::client(&old::server()).fails().await, Err(Error::Method(new::Failed::Gone))));
    let error = old::client(&new::server()).recoded().await.unwrap_err();
    assert!(matches!(&error, Error::Rpc(object) if object.code().get() == 3), "{error}");
    let error = new::client(&old::server()).recoded().await.unwrap_err();
    assert!(matches!(&error, Error::Rpc(object) if object.code().get() == 1), "{error}");
}
