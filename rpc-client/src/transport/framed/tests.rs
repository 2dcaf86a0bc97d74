//! Streams of bytes in memory, and Unix sockets.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rpc_core::codec::{Frame, FrameDecoder, begin_frame, end_frame};
use rpc_core::{Framing, Outcome, SessionProtocol};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

use super::MessageTransport;
use crate::{Client, Retry};

/// The server's end of a connection.
struct Peer {
    stream: DuplexStream,
    framing: Framing,
    decoder: FrameDecoder,
    received: Vec<u8>,
}

impl Peer {
    fn new(stream: DuplexStream, framing: Framing) -> Self {
        Self { stream, framing, decoder: FrameDecoder::new(framing, 1 << 20), received: Vec::new() }
    }

    /// Returns the next message of the client, or `None` at the end of the stream.
    async fn read(&mut self) -> Option<String> {
        loop {
            let mut bytes = &self.received[..];
            let frame = self.decoder.decode(&mut bytes).unwrap();
            self.received = bytes.to_vec();
            match frame {
                Some(Frame::Message(message)) => return Some(String::from_utf8(message.into()).unwrap()),
                Some(Frame::TooLarge) => panic!("no message of the tests is as large"),
                None if self.stream.read_buf(&mut self.received).await.unwrap() == 0 => return None,
                None => {}
            }
        }
    }

    fn frame(&self, message: &str) -> Vec<u8> {
        let mut text = Vec::new();
        let start = begin_frame(self.framing, &mut text);
        text.extend_from_slice(message.as_bytes());
        end_frame(self.framing, &mut text, start);
        text
    }

    async fn write(&mut self, message: &str) {
        let text = self.frame(message);
        self.stream.write_all(&text).await.unwrap();
    }
}

/// Returns a transport, and the server's end of its connection, with this room for bytes.
fn pair(framing: Framing, room: usize) -> (MessageTransport, Peer) {
    let (ours, theirs) = tokio::io::duplex(room);
    let (reader, writer) = tokio::io::split(ours);
    (MessageTransport::over(reader, writer).framing(framing), Peer::new(theirs, framing))
}

fn client(transport: MessageTransport) -> Client {
    Client::builder().transport(transport).idempotency_keys(false).retry(Retry::never()).build().unwrap()
}

fn answer(id: u64, result: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","result":{result},"id":{id}}}"#)
}

#[tokio::test]
async fn answers_of_both_framings_arrive_in_any_order_and_in_any_pieces() {
    for framing in [Framing::Lines, Framing::ContentLength] {
        let (transport, mut peer) = pair(framing, 1 << 10);
        let client = client(transport);
        let first = tokio::spawn(client.call::<u64>("first", ()).into_future());
        assert!(peer.read().await.unwrap().contains(r#""method":"first""#));
        let second = tokio::spawn(client.call::<u64>("second", ()).into_future());
        assert!(peer.read().await.unwrap().contains(r#""method":"second""#));
        let both = [peer.frame(&answer(2, "22")), peer.frame(&answer(1, "11"))].concat();
        for piece in both.chunks(7) {
            peer.stream.write_all(piece).await.unwrap();
            tokio::task::yield_now().await;
        }
        assert_eq!((first.await.unwrap().unwrap(), second.await.unwrap().unwrap()), (11, 22));
    }
}

#[tokio::test]
async fn messages_longer_than_the_room_of_the_stream_are_written_whole() {
    let (transport, mut peer) = pair(Framing::ContentLength, 64);
    let client = client(transport);
    let long = "x".repeat(100_000);
    let calls: Vec<_> = (0..3).map(|_| tokio::spawn(client.call::<String>("echo", [&long]).into_future())).collect();
    for id in 1..=3 {
        assert!(peer.read().await.unwrap().contains(&long));
        let text = peer.frame(&answer(id, &format!("\"{long}\"")));
        // The client reads while it still writes.
        peer.stream.write_all(&text).await.unwrap();
    }
    for call in calls {
        assert_eq!(call.await.unwrap().unwrap(), long);
    }
}

#[tokio::test]
async fn end_of_the_client_ends_the_stream() {
    let (transport, mut peer) = pair(Framing::Lines, 1 << 10);
    let client = client(transport);
    client.notify("hello", ()).await.unwrap();
    drop(client);
    assert!(peer.read().await.unwrap().ends_with(r#""method":"hello"}"#));
    assert_eq!(peer.read().await, None);
}

#[tokio::test]
async fn end_within_an_answer_leaves_the_outcome_unknown() {
    let (transport, mut peer) = pair(Framing::Lines, 1 << 10);
    let client = client(transport);
    let call = tokio::spawn(client.call::<u64>("a", ()).into_future());
    peer.read().await.unwrap();
    peer.stream.write_all(br#"{"jsonrpc":"2.0","result":1,"#).await.unwrap();
    drop(peer);
    let error = call.await.unwrap().unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert!(rpc_core::chain_text(&error).contains("within a message"), "{}", rpc_core::chain_text(&error));
    // There is no other connection.
    let error = client.call::<u64>("a", ()).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(rpc_core::chain_text(&error).contains("only connection has ended"), "{}", rpc_core::chain_text(&error));
}

#[tokio::test]
async fn last_line_needs_no_end() {
    let (transport, mut peer) = pair(Framing::Lines, 1 << 10);
    let client = client(transport);
    let call = tokio::spawn(client.call::<u64>("a", ()).into_future());
    peer.read().await.unwrap();
    peer.stream.write_all(answer(1, "7").as_bytes()).await.unwrap();
    drop(peer);
    assert_eq!(call.await.unwrap().unwrap(), 7);
}

#[tokio::test]
async fn message_over_the_limit_and_faulty_heads_end_the_connection() {
    for (framing, bytes, text) in [
        (Framing::Lines, [b'x'; 200].to_vec(), "larger than 100 bytes"),
        (Framing::ContentLength, b"Content-Length: 101\r\n\r\n".to_vec(), "larger than 100 bytes"),
        (Framing::ContentLength, b"Content-Type: a\r\n\r\n".to_vec(), "must have a Content-Length"),
    ] {
        let (transport, mut peer) = pair(framing, 1 << 10);
        let client = client(transport.max_message_bytes(100));
        let call = tokio::spawn(client.call::<u64>("a", ()).into_future());
        peer.read().await.unwrap();
        peer.stream.write_all(&bytes).await.unwrap();
        let error = rpc_core::chain_text(&call.await.unwrap().unwrap_err());
        assert!(error.contains(text), "{error}");
    }
}

#[tokio::test]
async fn function_is_called_again_after_the_end_of_a_connection() {
    let (peers, mut opened) = tokio::sync::mpsc::unbounded_channel();
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let transport = MessageTransport::connecting(move || {
        let peers = peers.clone();
        let number = counter.fetch_add(1, Ordering::Relaxed);
        async move {
            if number == 1 {
                return Err(std::io::Error::other("not now"));
            }
            let (ours, theirs) = tokio::io::duplex(1 << 10);
            peers.send(theirs).unwrap();
            Ok(tokio::io::split(ours))
        }
    });
    let client = client(transport);
    for _ in 0..2 {
        let call = tokio::spawn(client.call::<u64>("a", ()).into_future());
        let mut peer = Peer::new(opened.recv().await.unwrap(), Framing::Lines);
        let request: serde_json::Value = serde_json::from_str(&peer.read().await.unwrap()).unwrap();
        peer.write(&answer(request["id"].as_u64().unwrap(), "1")).await;
        assert_eq!(call.await.unwrap().unwrap(), 1);
        drop(peer);
        // The task of the connection sees its end.
        for _ in 0..32 {
            tokio::task::yield_now().await;
        }
        if count.load(Ordering::Relaxed) == 1 {
            let error = client.call::<u64>("a", ()).await.unwrap_err();
            assert_eq!(error.outcome(), Outcome::NotSent);
            assert!(rpc_core::chain_text(&error).contains("not now"));
        }
    }
    assert_eq!(count.load(Ordering::Relaxed), 3);
}

#[tokio::test]
async fn only_headers_of_calls_are_sent() {
    let (transport, mut peer) = pair(Framing::Lines, 1 << 10);
    let client = Client::builder()
        .transport(transport)
        .header("x-tenant", "a")
        .idempotency_keys(false)
        .retry(Retry::never())
        .build()
        .unwrap();
    let error = client.call::<u64>("a", ()).header("authorization", "Bearer secret").await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(rpc_core::chain_text(&error).contains("`authorization` cannot be sent over a stream of bytes"));
    let call = tokio::spawn(client.call::<u64>("a", ()).into_future());
    let request: serde_json::Value = serde_json::from_str(&peer.read().await.unwrap()).unwrap();
    assert_eq!(request["rpc"]["x-tenant"], "a");
    peer.write(&answer(request["id"].as_u64().unwrap(), "1")).await;
    assert_eq!(call.await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn plain_json_rpc_has_no_member_of_the_framework() {
    let (transport, mut peer) = pair(Framing::ContentLength, 1 << 10);
    let client = client(transport.protocol(SessionProtocol::Subscriptions));
    let call = tokio::spawn(client.call::<u64>("a", [1]).header("x-tenant", "a").into_future());
    assert_eq!(peer.read().await.unwrap(), r#"{"jsonrpc":"2.0","method":"a","params":[1],"id":1}"#);
    peer.write(&answer(1, "1")).await;
    assert_eq!(call.await.unwrap().unwrap(), 1);
}

#[tokio::test]
async fn clients_on_one_transport_share_the_ids_of_calls() {
    let (transport, mut peer) = pair(Framing::Lines, 1 << 10);
    let clients = [client(transport.clone()), client(transport)];
    let calls = clients.map(|client| tokio::spawn(client.call::<u64>("a", ()).into_future()));
    for _ in 0..2 {
        let request: serde_json::Value = serde_json::from_str(&peer.read().await.unwrap()).unwrap();
        let id = request["id"].as_u64().unwrap();
        peer.write(&answer(id, &id.to_string())).await;
    }
    let mut ids = Vec::new();
    for call in calls {
        ids.push(call.await.unwrap().unwrap());
    }
    ids.sort_unstable();
    assert_eq!(ids, [1, 2]);
}

#[cfg(unix)]
mod unix {
    use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
    use tokio::net::UnixListener;

    use super::answer;
    use crate::{Client, Endpoint, Outcome};

    /// Returns the path of a socket that no other test has.
    fn path(name: &str) -> std::path::PathBuf {
        std::env::temp_dir().join(format!("rpc-{name}-{}.sock", std::process::id()))
    }

    #[tokio::test]
    async fn address_of_a_unix_socket_is_that_of_an_endpoint() {
        let path = path("endpoint");
        let listener = UnixListener::bind(&path).unwrap();
        let serving = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let (reader, mut writer) = stream.split();
            let mut lines = BufReader::new(reader).lines();
            assert!(lines.next_line().await.unwrap().unwrap().contains(r#""method":"a""#));
            writer.write_all(format!("{}\n", answer(1, "7")).as_bytes()).await.unwrap();
            assert_eq!(lines.next_line().await.unwrap(), None);
        });
        let client = Client::connect(format!("unix:{}", path.display())).await.unwrap();
        assert_eq!(client.call::<u64>("a", ()).readonly().await.unwrap(), 7);
        let endpoints = client.endpoints();
        let address = endpoints[0].address().unwrap();
        assert_eq!((address.to_string(), address.port), (path.display().to_string(), 0));
        drop((client, endpoints));
        serving.await.unwrap();
        std::fs::remove_file(path).unwrap();
    }

    #[tokio::test]
    async fn failure_to_connect_names_the_socket() {
        let path = path("missing");
        let failure = Client::connect(format!("unix:{}", path.display())).await.unwrap_err();
        assert_eq!(failure.outcome(), Outcome::NotSent);
        assert!(failure.to_string().contains(&format!("unix:{}", path.display())), "{failure}");
    }

    #[test]
    fn faulty_addresses_are_refused_when_the_client_is_built() {
        for (endpoint, why) in [
            (Endpoint::new("unix:"), "needs a path"),
            (Endpoint::new("unix://host/a"), "has no host"),
            (Endpoint::new("unix:/a").connect_to("127.0.0.1:1".parse().unwrap()), "no other address"),
        ] {
            let failure = Client::builder().endpoint(endpoint).build().unwrap_err();
            assert!(failure.is_builder());
            assert!(failure.to_string().contains(why), "{failure}");
        }
    }
}
