//! The header that identifies the client to servers.

use rpc::{Client, Context, Server};
use support::{Answer, Peer, Received, array, http, result};

const AGENT: &str = concat!("rpc/", env!("CARGO_PKG_VERSION"));

async fn peer() -> Peer {
    let answer = |request: &Received| {
        let body = match request.json().is_array() {
            true => array(request.ids().iter().map(|id| result(id, 7))),
            false => result(&request.id(), 7),
        };
        Answer::Bytes(http("200 OK", &[], &body))
    };
    Peer::start(answer).await
}

fn agents(peer: &Peer) -> Vec<String> {
    peer.requests().iter().map(|request| request.header("user-agent").unwrap().to_owned()).collect()
}

#[tokio::test]
async fn calls_say_which_client_they_come_from() {
    let peer = peer().await;
    let client = peer.client();
    client.call::<u8>("seven", ()).await.unwrap();
    let [seven] = client.batch([client.call::<u8>("seven", ())]).await.unwrap();
    seven.unwrap();
    assert_eq!(agents(&peer), [AGENT, AGENT]);
}

#[tokio::test]
async fn the_agent_of_a_client_a_batch_or_a_call_comes_before_ours() {
    let peer = peer().await;
    let client = peer.client();
    client.call::<u8>("seven", ()).header("user-agent", "call/1").await.unwrap();
    let seven = [client.call::<u8>("seven", ())];
    let [seven] = client.batch(seven).header("user-agent", "batch/1").await.unwrap();
    seven.unwrap();
    let client = peer.builder().header("user-agent", "client/1").build().unwrap();
    client.call::<u8>("seven", ()).await.unwrap();
    client.call::<u8>("seven", ()).header("user-agent", "call/2").await.unwrap();
    assert_eq!(agents(&peer), ["call/1", "batch/1", "client/1", "call/2"]);
}

#[tokio::test]
async fn in_process_there_is_no_agent() {
    let seen = |cx: Context| async move { cx.headers().contains_key("user-agent") };
    let client = Client::in_process(&Server::builder().method("seen", seen).build());
    assert!(!client.call::<bool>("seen", ()).await.unwrap());
}
