//! Tests of the driver with the frames of WebSockets, on streams in memory.

use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use rpc_core::{Session, SessionEvent};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::WebSocketSettings;
use super::framing::WebSocketFraming;
use crate::session::Driver;
use crate::{Limits, load};

/// Sends these messages and ends.
struct Messages(Vec<Vec<u8>>);

impl Session for Messages {
    fn receive(&mut self, message: Bytes) {
        self.0.push(message.into());
    }

    fn poll_message(&mut self, _: &mut Context<'_>, output: &mut Vec<u8>) -> Poll<SessionEvent> {
        match self.0.pop() {
            Some(message) if message.is_empty() => Poll::Ready(SessionEvent::Ended),
            Some(message) => {
                output.extend_from_slice(&message);
                Poll::Ready(SessionEvent::Message)
            }
            None => Poll::Pending,
        }
    }

    fn drain(&mut self) {}
}

/// Drives a session on a stream with room for 1 KiB. Returns the client's end.
fn drive(messages: Vec<Vec<u8>>) -> (DuplexStream, JoinHandle<()>) {
    let (client, stream) = duplex(1 << 10);
    let driven = tokio::spawn(async move {
        let (load, limits, settings) = (load::unlimited(1 << 20), Limits::default(), WebSocketSettings::default());
        let session = Box::new(Messages(messages));
        let framing = WebSocketFraming::new(&limits, &settings, &load);
        let mut driver = Driver::new(stream, session, framing, (&load, &limits, || false));
        poll_fn(|cx| driver.poll(cx)).await;
    });
    (client, driven)
}

/// Returns a masked frame. The mask is zero.
fn frame(first: u8, announced: u8, payload: &[u8]) -> Vec<u8> {
    [&[first, 0x80 | announced, 0, 0, 0, 0], payload].concat()
}

#[tokio::test(start_paused = true)]
async fn slow_client_gets_all_messages_before_the_end() {
    let (mut client, driven) = drive(vec![Vec::new(), vec![b'a'; 10_000]]);
    sleep(Duration::from_secs(5)).await;
    let mut received = vec![0; 4 + 10_000 + 2 + 2 + "the session has ended".len()];
    client.read_exact(&mut received).await.expect("the messages come whole");
    assert!(received.ends_with(b"\x03\xe8the session has ended"));
    // It may still reply to the close frame.
    client.write_all(&frame(0x88, 2, b"\x03\xe8")).await.unwrap();
    driven.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn message_that_does_not_arrive_in_time_closes_the_connection() {
    let (mut client, driven) = drive(Vec::new());
    client.write_all(&frame(0x81, 100, b"the begin")).await.unwrap();
    let mut received = Vec::new();
    client.read_to_end(&mut received).await.unwrap();
    let closed = b"\x88\x22\x03\xf0a message did not arrive in time";
    assert_eq!(received, [&[0x89, 0][..], closed].concat());
    driven.await.unwrap();

    // Neither pings nor fragments give it more time.
    let (client, driven) = drive(Vec::new());
    let (mut reading, mut writing) = tokio::io::split(client);
    let fragments = tokio::spawn(async move {
        writing.write_all(&frame(0x01, 1, b"a")).await.unwrap();
        while writing.write_all(&frame(0x00, 1, b"a")).await.is_ok()
            && writing.write_all(&frame(0x8a, 0, b"")).await.is_ok()
        {
            sleep(Duration::from_secs(1)).await;
        }
    });
    let mut received = Vec::new();
    reading.read_to_end(&mut received).await.unwrap();
    assert!(received.ends_with(closed));
    driven.await.unwrap();
    fragments.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn each_message_has_its_own_time() {
    let (mut client, _driven) = drive(Vec::new());
    client.write_all(&frame(0x81, 2, b"a")).await.unwrap();
    for _ in 0..5 {
        sleep(Duration::from_secs(20)).await;
        // The end of a message, and the begin of the next one.
        client.write_all(&[b"a".to_vec(), frame(0x81, 2, b"a")].concat()).await.unwrap();
        let mut message = [0; 4];
        client.read_exact(&mut message).await.unwrap();
        if message == [0x89, 0, 0x81, 2] {
            client.read_exact(&mut message[2..]).await.unwrap();
            continue;
        }
        assert_eq!(&message, b"\x81\x02aa");
    }
}
