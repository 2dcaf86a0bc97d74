//! Unreachable servers: the error names their address without its secrets.

use rpc::transport::ReqwestTransport;
use rpc::{Client, ClientBuilder, Failure, Outcome, Retry};

/// Makes one call alone and two in a batch, and returns their failures.
async fn fail(builder: ClientBuilder) -> [Failure; 2] {
    let client = builder.retry(Retry::never()).build().unwrap();
    let call = || client.call::<u64>("method", ());
    let alone = call().await.unwrap_err().failure().unwrap().clone();
    let batch = client.batch(vec![call(), call()]).await.unwrap_err();
    [alone, batch]
}

#[track_caller]
fn assert_names(failures: [Failure; 2], address: &str) {
    for failure in failures {
        assert!(failure.is_connect(), "{failure:?}");
        assert_eq!(failure.outcome(), Outcome::NotSent);
        assert_eq!(failure.to_string(), format!("cannot connect to the server at {address}"));
        let debug = format!("{failure:?}");
        assert!(debug.contains(address) && !debug.contains("hunter2"), "{debug}");
    }
}

#[tokio::test]
async fn an_address_where_nobody_listens_is_named() {
    for (url, shown) in [
        ("http://127.0.0.1:1", "http://127.0.0.1:1"),
        ("http://ada:hunter2@localhost:1/hunter2?token=hunter2", "http://localhost:1"),
        ("http://[::1]:1/", "http://[::1]:1"),
    ] {
        assert_names(fail(Client::builder().endpoint(url)).await, shown);
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        assert_names(fail(Client::builder().transport(ReqwestTransport::new(http, url).unwrap())).await, shown);
    }
}

#[tokio::test]
async fn a_name_that_leads_nowhere_is_named() {
    let builder = Client::builder().endpoint("http://ada:hunter2@nowhere.invalid:8080/hunter2");
    assert_names(fail(builder).await, "http://nowhere.invalid:8080");
}

#[tokio::test]
async fn a_transport_of_ones_own_has_no_address() {
    assert_eq!(Failure::connect("refused").to_string(), "cannot connect to the server");
}
