//! Streams over HTTP by hand: a request that accepts events, and the events of its answer.

use std::net::SocketAddr;

use serde_json::Value;

use crate::raw_http::{Connection, Reply, post_with};

/// An event of a stream.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    pub id: Option<String>,
    pub data: Value,
}

/// A response with events.
#[derive(Debug)]
pub struct Events {
    pub head: Reply,
    connection: Connection,
    text: String,
    /// How many comments have come.
    pub comments: usize,
}

impl Events {
    /// Sends a call that accepts events, and reads the head of its answer.
    pub async fn open(addr: SocketAddr, call: &str) -> Self {
        let mut connection = Connection::open(addr).await;
        connection.send(&post_with(&[("accept", "application/json, text/event-stream")], call)).await;
        let head = connection.head().await;
        Self { head, connection, text: String::new(), comments: 0 }
    }

    /// Reads the next event, or returns `None` when the body has ended.
    pub async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let (event, rest) = (event.to_owned(), rest.to_owned());
                self.text = rest;
                if event == ":" {
                    self.comments += 1;
                    continue;
                }
                return Some(event_of(&event));
            }
            let chunk = self.connection.chunk().await?;
            self.text.push_str(std::str::from_utf8(&chunk).expect("events are UTF-8"));
        }
    }

    /// Reads until a comment comes that is not the last known one.
    pub async fn comment(&mut self) {
        while !self.text.starts_with(":\n\n") {
            let chunk = self.connection.chunk().await.expect("the stream goes on");
            self.text.push_str(std::str::from_utf8(&chunk).expect("events are UTF-8"));
        }
        self.text.drain(..3);
        self.comments += 1;
    }

    /// Reads all further events.
    pub async fn rest(mut self) -> Vec<Event> {
        let mut events = Vec::new();
        while let Some(event) = self.next().await {
            events.push(event);
        }
        events
    }

    /// Closes the connection.
    pub fn close(self) {}
}

fn event_of(text: &str) -> Event {
    let mut event = Event { id: None, data: Value::Null };
    for line in text.lines() {
        match line.split_once(": ") {
            Some(("id", id)) => event.id = Some(id.to_owned()),
            Some(("data", data)) => event.data = serde_json::from_str(data).expect("data is JSON"),
            _ => panic!("an unknown line of an event: {line}"),
        }
    }
    event
}
