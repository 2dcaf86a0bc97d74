//! Which variant of `rpc::Error` an error code becomes, whatever its origin.

use rpc::{Client, Error, ErrorCode, ErrorObject, Outcome, RpcError};
use support::{Peer, error};

#[derive(Debug, PartialEq, thiserror::Error, RpcError)]
enum Declared {
    #[error("{0}")]
    #[rpc(code = 1001)]
    Number(u8),
    #[error("limit {limit}")]
    #[rpc(code = -32050)]
    Limit { limit: u8 },
    #[error("nothing more to say")]
    #[rpc(code = 0)]
    Bare,
}

#[rpc::service]
trait Codes {
    async fn declared(&self) -> Result<u8, Declared>;
    async fn any(&self) -> Result<u8, ErrorObject>;
    async fn none(&self) -> u8;
}

/// Builds a client of a peer that answers each call with this error.
async fn peer(code: i64, more: &'static str) -> CodesClient {
    let peer = Peer::answering(move |request| error(&request.id(), code, more)).await;
    CodesClient::new(peer.client())
}

#[tokio::test]
async fn a_declared_code_with_its_data_is_the_declared_error() {
    for (code, more, expected) in [
        (1001, r#","data":7"#, Declared::Number(7)),
        (-32050, r#","data":{"limit":3}"#, Declared::Limit { limit: 3 }),
        (-32050, r#","data":{"limit":3,"added":"later"}"#, Declared::Limit { limit: 3 }),
        (0, "", Declared::Bare),
        (0, r#","data":null"#, Declared::Bare),
    ] {
        let error = peer(code, more).await.declared().await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::Executed);
        assert!(error.error_object().is_none());
        assert!(matches!(&error, Error::Method(declared) if *declared == expected), "{error:?}");
    }
}

#[tokio::test]
async fn a_declared_code_whose_data_does_not_fit_is_an_rpc_error() {
    for (code, more) in [
        (1001, ""),
        (1001, r#","data":256"#),
        (1001, r#","data":"7""#),
        (1001, r#","data":[7]"#),
        (-32050, r#","data":{}"#),
        (-32050, r#","data":{"limit":"3"}"#),
        (-32050, r#","data":7"#),
        (0, r#","data":{"unexpected":true}"#),
    ] {
        let error = peer(code, more).await.declared().await.unwrap_err();
        assert!(matches!(&error, Error::Rpc(object) if object.code().get() == code), "{more}: {error:?}");
        assert_eq!(error.outcome(), Outcome::Executed);
        let data = error.error_object().unwrap().data().map(|data| format!(",\"data\":{}", data.get()));
        assert_eq!(data.unwrap_or_default(), more, "nothing of the error is lost");
    }
}

#[tokio::test]
async fn an_undeclared_code_is_an_rpc_error() {
    for code in [1, -1, 1000, 1002, -32000, -32088, -32769, i64::MAX, i64::MIN] {
        let error = peer(code, r#","data":7"#).await.declared().await.unwrap_err();
        assert!(matches!(error, Error::Rpc(object) if object.code().get() == code));
        let error = peer(code, "").await.none().await.unwrap_err();
        assert!(matches!(error, Error::Rpc(object) if object.code().get() == code));
    }
}

#[tokio::test]
async fn an_error_object_as_the_declared_error_takes_any_code_of_services() {
    for code in [1, 0, -32000, -32088, -32769, i64::MAX, i64::MIN] {
        let error = peer(code, r#","data":{"a":[1]}"#).await.any().await.unwrap_err();
        let Error::Method(object) = error else { panic!("{code}: {error:?}") };
        assert_eq!((object.code().get(), object.message()), (code, "prepared"));
        assert_eq!(object.data().unwrap().get(), r#"{"a":[1]}"#);
    }
}

#[tokio::test]
async fn a_reserved_code_is_an_rpc_error_even_where_any_error_is_declared() {
    for code in [-32700, -32600, -32601, -32602, -32603, -32604, -32768, -32100, -32500] {
        let codes = peer(code, "").await;
        let error = codes.any().await.unwrap_err();
        assert!(matches!(&error, Error::Rpc(object) if object.code().get() == code), "{error:?}");
        assert_eq!(error.error_object().unwrap().code().get(), code);
        assert!(matches!(codes.declared().await.unwrap_err(), Error::Rpc(_)));
    }
}

#[tokio::test]
async fn a_framework_code_that_the_server_does_not_mark_as_its_own_is_the_handlers() {
    for code in -32099..=-32089 {
        let codes = peer(code, "").await;
        for error in
            [codes.any().await.unwrap_err().map_method(drop), codes.declared().await.unwrap_err().map_method(drop)]
        {
            assert_eq!(error.outcome(), Outcome::Executed);
            assert!(matches!(&error, Error::Rpc(object) if object.code().get() == code), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_framework_code_of_the_servers_own_is_a_failure_even_where_any_error_is_declared() {
    for code in -32099..=-32089 {
        let peer = Peer::failing(move |request| error(&request.id(), code, "")).await;
        let codes = CodesClient::new(peer.client());
        let error = codes.any().await.unwrap_err();
        let Error::Failure(failure) = &error else { panic!("{code}: {error:?}") };
        assert_eq!(failure.error_object().unwrap().code().get(), code);
        let code = ErrorCode::new(code);
        assert_eq!(
            failure.is_too_large(),
            [ErrorCode::REQUEST_TOO_LARGE, ErrorCode::RESPONSE_TOO_LARGE].contains(&code)
        );
        let timeouts = [ErrorCode::HANDLER_TIMEOUT, ErrorCode::REQUEST_TIMEOUT, ErrorCode::DEADLINE_EXPIRED];
        assert_eq!(error.is_timeout(), timeouts.contains(&code));
        // A code that means "not run" proves nothing here: the handler may have relayed it.
        let ran = code == ErrorCode::RESPONSE_TOO_LARGE;
        assert_eq!(failure.outcome(), if ran { Outcome::Executed } else { Outcome::Unknown });
        assert!(codes.none().await.unwrap_err().failure().is_some());
    }
}

#[tokio::test]
async fn an_error_without_a_readable_id_is_the_single_calls_own() {
    let peer = Peer::answering(|_| error(&serde_json::Value::Null, -32700, "")).await;
    let error = peer.client().call::<u8>("none", ()).await.unwrap_err();
    assert!(matches!(error, Error::Rpc(object) if object.code() == ErrorCode::PARSE_ERROR));
}

#[tokio::test]
async fn an_error_for_a_notification_is_its_failure() {
    let client: Client = Peer::answering(|_| error(&serde_json::Value::Null, -32600, "")).await.client();
    let failure = client.call::<u8>("none", ()).notify().await.unwrap_err();
    assert_eq!(failure.error_object().unwrap().code(), ErrorCode::INVALID_REQUEST);
}

#[tokio::test]
async fn a_method_that_the_server_lacks_is_an_rpc_error_for_a_typed_call() {
    let server = rpc::Server::builder().build();
    let codes = CodesClient::new(support::client_of(&server).await);
    let error = codes.declared().await.unwrap_err();
    assert!(matches!(error, Error::Rpc(object) if object == ErrorObject::method_not_found()));
}
