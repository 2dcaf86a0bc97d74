//! What a transport that wraps another one must keep of it.

use std::time::Duration;

use rpc::transport::{HttpSettings, HttpTransport, ServerAddress, Transport};
use rpc::{Client, Outcome, Retry, Server};
use support::{Peer, Wrapped, serve};

fn client(http: HttpTransport) -> Client {
    Client::builder().transport(Wrapped(http)).retry(Retry::never()).build().unwrap()
}

#[tokio::test]
async fn a_wrapped_transport_issues_tickets_and_speaks_both_protocols() {
    let server = Server::builder().method("pay", || async { 7 }).build();
    let url = format!("http://{}", serve(&server).await);
    let builder = HttpTransport::builder().connect_timeout(Duration::from_secs(5));
    for http in [builder.clone(), builder.http2_prior_knowledge()] {
        let client = client(http.build(&url).unwrap());
        let mut call = client.call::<u32>("pay", ());
        let ticket = call.ticket().await.unwrap();
        assert_eq!(call.await.unwrap(), 7);
        assert_eq!(client.call::<u32>("pay", ()).redeem(ticket).await.unwrap(), 7);
    }
}

#[tokio::test]
async fn a_wrapped_transport_says_what_was_not_sent() {
    let error = client(HttpTransport::builder().build("http://127.0.0.1:1").unwrap()).call::<u32>("pay", ()).await;
    assert_eq!(error.unwrap_err().outcome(), Outcome::NotSent);
    let silent = Peer::silent().await;
    let http = HttpTransport::builder().max_concurrent_requests(1).build(silent.url()).unwrap();
    let client = client(http);
    let pay = || client.call::<u32>("pay", ()).deadline(Duration::from_millis(100)).into_future();
    let (one, two) = tokio::join!(pay(), pay());
    assert_eq!((one.unwrap_err().outcome(), two.unwrap_err().outcome()), (Outcome::Unknown, Outcome::NotSent));
}

#[test]
fn a_transport_tells_where_its_server_is_and_no_more() {
    let address =
        |url: &str| HttpTransport::builder().settings(HttpSettings::default()).build(url).unwrap().server_address();
    assert_eq!(address("http://user:pass@host/secret?token"), Some(ServerAddress::new("host", 80)));
    assert_eq!(address("http://[::1]:8080"), Some(ServerAddress::new("[::1]", 8080)));
    assert_eq!(address("https://host").unwrap().to_string(), "host:443");
    assert_eq!(
        Wrapped(std::sync::Arc::new(HttpTransport::new("http://host:1").unwrap())).server_address().unwrap().port,
        1
    );
}
