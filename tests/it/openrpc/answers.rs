//! What a server reports about itself, and that its answers match its description.

use rpc::{Client, Error, Server};
use serde_json::{Value, json};
use support::raw_http::{exchange, request};
use support::serve;

use super::meta_schema::schema_of;
use super::{Everything, PlainServer, method, server};

#[tokio::test]
async fn a_server_tells_its_description_as_a_method_and_as_a_page() {
    let server = server();
    let addr = serve(&server).await;
    let expected = server.openrpc().unwrap();
    let page = exchange(addr, &request("GET /openrpc.json HTTP/1.1", &[("host", "localhost")], b"")).await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("application/json")));
    assert_eq!(page.text(), expected.to_string());
    let client = Client::new(format!("http://{addr}")).unwrap();
    let told: Value = client.call("rpc.discover", ()).await.unwrap();
    assert_eq!(&told, expected.as_value());
    assert_eq!(method(expected, "rpc.discover")["x-effect"], "none");
    let error = client.call::<Value>("rpc.discover", [1]).await.unwrap_err();
    assert!(matches!(&error, Error::Rpc(error) if error.code().get() == -32602), "{error:?}");
}

#[tokio::test]
async fn a_server_that_was_not_asked_tells_nothing() {
    let server = Server::builder().service(PlainServer::new(Everything)).build();
    assert!(server.openrpc().is_none());
    let error = Client::in_process(&server).call::<Value>("rpc.discover", ()).await.unwrap_err();
    assert!(matches!(&error, Error::Rpc(error) if error.code().get() == -32601), "{error:?}");
    let addr = serve(&server).await;
    let page = exchange(addr, &request("GET /openrpc.json HTTP/1.1", &[("host", "localhost")], b"")).await;
    assert_eq!(page.status, 404);
}

#[tokio::test]
async fn what_is_answered_is_what_is_described() {
    let server = server();
    let document = server.openrpc().unwrap();
    let client = Client::in_process(&server);
    for (name, params) in [
        ("user.get", json!({ "id": 1 })),
        ("user.put", json!({ "user": { "id": 1, "name": "ada", "roles": ["writer"] } })),
        ("user.create", json!({ "name": "ada" })),
        ("user.list", json!({ "after": 3 })),
        ("user.role", json!({ "role": "reader" })),
    ] {
        let described = method(document, name);
        for param in described["params"].as_array().unwrap() {
            let given = &params[param["name"].as_str().unwrap()];
            assert!(given.is_null() || schema_of(document, &param["schema"]).is_valid(given), "{name}: {param}");
            assert!(!given.is_null() || param["required"] == false, "{name}: {param}");
        }
        let answer: Value = client.call(name, &params).await.unwrap();
        assert!(schema_of(document, &described["result"]["schema"]).is_valid(&answer), "{name}: {answer}");
    }
    let of_user = schema_of(document, &method(document, "user.get")["result"]["schema"]);
    assert!(!of_user.is_valid(&json!({ "id": "1", "name": "ada", "roles": [] })));
    assert!(!of_user.is_valid(&json!({ "id": 1, "name": "ada" })));
}

#[tokio::test]
async fn errors_are_what_is_described() {
    let server = server();
    let document = server.openrpc().unwrap();
    let described = method(document, "user.get");
    for (id, code) in [(2, "1002"), (3, "-32001"), (4, "2001"), (5, "1001"), (6, "1001")] {
        let Error::Rpc(error) = Client::in_process(&server).call::<Value>("user.get", [id]).await.unwrap_err() else {
            panic!("{id}")
        };
        assert_eq!(error.code().get().to_string(), code);
        let schema = &described["x-errors"][code]["data"];
        match error.data() {
            None => assert!(schema.is_null(), "{code}"),
            Some(data) => {
                let data = serde_json::from_str(data.get()).unwrap();
                assert!(schema_of(document, schema).is_valid(&data), "{code}: {data}");
            }
        }
    }
}
