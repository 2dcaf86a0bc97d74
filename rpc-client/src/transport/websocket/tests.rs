//! WebSocket itself, over sockets and over streams in memory.

use std::future::poll_fn;

use bytes::Bytes;
use futures_util::{FutureExt, SinkExt, StreamExt};
use http::{HeaderMap, HeaderValue, StatusCode};
use rpc_core::Outcome;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, advance};
use tokio_tungstenite::tungstenite::handshake::server::{Request as Handshake, Response};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};

use super::pipe::{PING_INTERVAL, WebSocketPipe};
use crate::transport::multiplexed::{MessagePipe, PipeEnd};
use crate::{Client, Failure};

/// A connection as the server sees it, with the headers of the upgrade.
struct Accepted {
    socket: WebSocketStream<TcpStream>,
    headers: HeaderMap,
}

impl Accepted {
    /// Returns the next text of the client.
    async fn read(&mut self) -> String {
        loop {
            match self.socket.next().await.expect("the connection is open").unwrap() {
                Message::Text(text) => return text.as_str().to_owned(),
                Message::Close(_) => panic!("the client closed the connection"),
                _ => {}
            }
        }
    }

    async fn write(&mut self, text: &str) {
        self.socket.send(Message::text(text)).await.unwrap();
    }
}

async fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/rpc", listener.local_addr().unwrap());
    (listener, url)
}

/// Accepts a connection, and chooses this subprotocol.
async fn accept(listener: &TcpListener, protocol: Option<&'static str>) -> Accepted {
    let (stream, _) = listener.accept().await.unwrap();
    let mut headers = HeaderMap::new();
    #[expect(clippy::result_large_err, reason = "the type is that of the handshake")]
    let choose = |request: &Handshake, mut response: Response| {
        headers.clone_from(request.headers());
        assert_eq!(request.uri(), "/rpc");
        if let Some(protocol) = protocol {
            response.headers_mut().insert("sec-websocket-protocol", HeaderValue::from_static(protocol));
        }
        Ok(response)
    };
    let socket = accept_hdr_async(stream, choose).await.unwrap();
    Accepted { socket, headers }
}

#[tokio::test]
async fn server_with_the_subprotocol_gets_headers_with_each_message() {
    let (listener, url) = listen().await;
    let client = Client::builder().endpoint(&url).header("x-tenant", "a").header("authorization", "Bearer t");
    let client = client.build().unwrap();
    let call = tokio::spawn(client.call::<u64>("count", ()).readonly().header("x-page", "2").into_future());
    let mut server = accept(&listener, Some("rpc.v1")).await;
    assert_eq!(server.headers["sec-websocket-protocol"], "rpc.v1");
    assert_eq!(
        (&server.headers["x-tenant"], &server.headers["authorization"]),
        (&"a".parse().unwrap(), &"Bearer t".parse().unwrap())
    );
    assert!(server.headers["user-agent"].to_str().unwrap().starts_with("rpc/"));
    let expected = r#"{"rpc":{"rpc-timeout-ms":"30000","x-page":"2"},"jsonrpc":"2.0","method":"count","id":1}"#;
    assert_eq!(server.read().await, expected);
    server.write(r#"{"jsonrpc":"2.0","result":7,"id":1}"#).await;
    assert_eq!(call.await.unwrap().unwrap(), 7);
}

#[tokio::test]
async fn server_without_the_subprotocol_gets_plain_messages() {
    let (listener, url) = listen().await;
    let serving = async {
        let mut server = accept(&listener, None).await;
        assert_eq!(server.read().await, r#"{"jsonrpc":"2.0","method":"count","id":1}"#);
        server.write(r#"{"jsonrpc":"2.0","result":7,"id":1}"#).await;
    };
    let calling = async {
        let client = Client::connect(&url).await.unwrap();
        assert_eq!(client.call::<u64>("count", ()).await.unwrap(), 7);
    };
    tokio::join!(serving, calling);
}

#[tokio::test]
async fn password_in_the_address_is_sent_with_the_upgrade() {
    let (listener, url) = listen().await;
    let url = url.replace("ws://", "ws://ada:secret@");
    let (client, server) = tokio::join!(Client::connect(url).into_future(), accept(&listener, None));
    assert_eq!(server.headers["authorization"], "Basic YWRhOnNlY3JldA==");
    assert!(!format!("{:?}", client.unwrap()).contains("secret"));
}

/// Answers one request with these bytes, and returns what `connect` makes of it.
async fn refused(response: &'static str) -> Failure {
    let (listener, url) = listen().await;
    let answering = async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.unwrap());
        }
        stream.write_all(response.as_bytes()).await.unwrap();
        // It is read to its end, so that the response is not lost.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    };
    let answering = tokio::spawn(answering);
    let failure = Client::connect(&url).await.unwrap_err();
    answering.abort();
    failure
}

#[tokio::test]
async fn servers_that_do_not_upgrade_are_reported_when_the_client_connects() {
    let failure = refused("HTTP/1.1 401 Unauthorized\r\ncontent-length: 2\r\n\r\nno").await;
    assert_eq!((failure.status(), failure.outcome()), (Some(StatusCode::UNAUTHORIZED), Outcome::NotSent));
    for (response, why) in [
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "does not speak WebSocket here: it answered with HTTP status 200",
        ),
        ("HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n", "another protocol"),
        (
            "HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n",
            "Sec-WebSocket-Accept",
        ),
        ("SSH-2.0-server\r\n", ""),
    ] {
        let failure = refused(response).await;
        assert!(failure.is_connect() && failure.outcome() == Outcome::NotSent, "{failure:?}");
        assert!(failure.to_string().starts_with("cannot connect to the server at ws://127.0.0.1:"), "{failure}");
        let source = std::error::Error::source(&failure).unwrap().to_string();
        assert!(source.contains(why), "{source}");
    }
}

#[tokio::test]
async fn call_to_a_port_without_a_server_was_not_sent() {
    let (listener, url) = listen().await;
    drop(listener);
    let client = Client::builder().endpoint(&url).build().unwrap();
    let failure = client.call::<u64>("count", ()).await.unwrap_err();
    assert_eq!((failure.outcome(), failure.attempts().len()), (Outcome::NotSent, 3));
    assert!(Client::connect(url).await.unwrap_err().is_connect());
}

#[tokio::test]
async fn client_connects_again_after_the_server_has_closed() {
    let (listener, url) = listen().await;
    let serving = async {
        for _ in 0..2 {
            let mut server = accept(&listener, Some("rpc.v1")).await;
            server.read().await;
            let frame = CloseFrame { code: CloseCode::Away, reason: "restart".into() };
            server.socket.send(Message::Close(Some(frame))).await.unwrap();
        }
        let mut server = accept(&listener, Some("rpc.v1")).await;
        let call = server.read().await;
        assert!(call.contains(r#""rpc-attempt":"3""#), "{call}");
        server.write(r#"{"jsonrpc":"2.0","result":7,"id":1}"#).await;
    };
    let client = Client::builder().endpoint(&url).build().unwrap();
    let (count, ()) = tokio::join!(client.call::<u64>("count", ()).readonly().into_future(), serving);
    assert_eq!(count.unwrap(), 7);
}

#[tokio::test]
async fn client_closes_its_connection_when_it_is_dropped() {
    let (listener, url) = listen().await;
    let (client, mut server) = tokio::join!(Client::connect(url).into_future(), accept(&listener, None));
    drop(client);
    assert!(matches!(server.socket.next().await, Some(Ok(Message::Close(_)))));
}

/// Makes a pipe, and the server at its other end.
async fn pipe() -> (WebSocketPipe, WebSocketStream<DuplexStream>) {
    let (client, server) = duplex(1 << 16);
    let config = WebSocketConfig::default().max_message_size(Some(100)).max_frame_size(Some(100));
    let client = WebSocketStream::from_raw_socket(Box::new(client) as _, Role::Client, Some(config)).await;
    (WebSocketPipe::new(client, 100), WebSocketStream::from_raw_socket(server, Role::Server, None).await)
}

async fn receive(pipe: &mut WebSocketPipe) -> Result<Bytes, PipeEnd> {
    poll_fn(|cx| pipe.poll_receive(cx)).await
}

#[tokio::test(start_paused = true)]
async fn connection_is_dead_after_two_unanswered_pings() {
    let (mut pipe, server) = pipe().await;
    let begun = Instant::now();
    let end = receive(&mut pipe).await.unwrap_err();
    assert_eq!(end.to_string(), "server has not answered the last two pings");
    assert_eq!(begun.elapsed(), 3 * PING_INTERVAL);
    drop(server);
}

#[tokio::test(start_paused = true)]
async fn connection_whose_pings_are_answered_stays_open() {
    let (mut pipe, mut server) = pipe().await;
    for _ in 0..5 {
        assert!(receive(&mut pipe).now_or_never().is_none());
        advance(PING_INTERVAL).await;
        assert!(receive(&mut pipe).now_or_never().is_none());
        assert!(matches!(server.next().await, Some(Ok(Message::Ping(_)))));
        // The server answers a ping by itself when it writes.
        server.flush().await.unwrap();
    }
    server.send(Message::text("1")).await.unwrap();
    assert_eq!(receive(&mut pipe).await.unwrap(), "1");
}

#[tokio::test]
async fn messages_and_ends_are_told_apart() {
    let (mut pipe, mut server) = pipe().await;
    server.send(Message::text("1")).await.unwrap();
    server.send(Message::binary(&b"2"[..])).await.unwrap();
    server.send(Message::Ping(Bytes::new())).await.unwrap();
    server.send(Message::Close(Some(CloseFrame { code: CloseCode::Away, reason: "bye".into() }))).await.unwrap();
    assert_eq!(receive(&mut pipe).await.unwrap(), "1");
    assert_eq!(receive(&mut pipe).await.unwrap(), "2");
    assert_eq!(receive(&mut pipe).await.unwrap_err().to_string(), "server closed the connection: bye");
}

#[tokio::test]
async fn message_over_the_limit_ends_the_connection() {
    let (mut pipe, mut server) = pipe().await;
    server.send(Message::text("x".repeat(101))).await.unwrap();
    assert!(matches!(receive(&mut pipe).await.unwrap_err(), PipeEnd::TooLarge(100)));
    let (mut pipe, server) = self::pipe().await;
    drop(server);
    assert!(matches!(receive(&mut pipe).await.unwrap_err(), PipeEnd::Failed(_)));
}

#[tokio::test]
async fn messages_are_written_as_text() {
    let (mut pipe, mut server) = pipe().await;
    poll_fn(|cx| pipe.poll_ready(cx)).await.unwrap();
    pipe.send(Bytes::from_static(b"{}")).unwrap();
    poll_fn(|cx| pipe.poll_flush(cx)).await.unwrap();
    let received: Result<Message, Error> = server.next().await.unwrap();
    assert_eq!(received.unwrap(), Message::text("{}"));
}
