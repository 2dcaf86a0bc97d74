//! How long a client tries to open a stream again, by a transport in memory and a paused clock.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use rpc::transport::{Reply, ReplyBody, Request, Transport};
use rpc::{BoxFuture, Client, Failure};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

/// One response: an item or none, then silence, then the end of the body.
#[derive(Clone, Copy, Debug)]
struct Response {
    item: Option<u64>,
    silence: Duration,
    /// Whether the answer comes at last.
    is_answered: bool,
}

/// Answers each call with the next response, and the last one for ever.
#[derive(Clone, Debug)]
struct Scripted {
    responses: Arc<Mutex<VecDeque<Response>>>,
    sent: Arc<Mutex<Vec<Instant>>>,
}

impl Transport for Scripted {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.sent.lock().unwrap().push(Instant::now());
        let id = serde_json::from_slice::<Value>(&request.body).unwrap()["id"].clone();
        let response = {
            let mut responses = self.responses.lock().unwrap();
            if responses.len() > 1 { responses.pop_front().unwrap() } else { responses[0] }
        };
        let item = |item| {
            let params = json!({ "subscription": id, "cursor": item, "result": item });
            json!({ "jsonrpc": "2.0", "method": "numbers", "params": params })
        };
        let mut messages = Vec::from_iter(response.item.map(item));
        if response.is_answered {
            messages.push(json!({ "jsonrpc": "2.0", "result": null, "id": id }));
        }
        let silence = response.silence;
        let messages = stream::unfold(messages.into_iter(), move |mut messages| async move {
            let Some(message) = messages.next() else {
                sleep(silence).await;
                return None;
            };
            Some((Ok(Bytes::from(message.to_string())), messages))
        });
        Box::pin(async move { Ok(Reply::new(ReplyBody::from_messages(messages))) })
    }
}

fn scripted(responses: &[Response]) -> (Client, Arc<Mutex<Vec<Instant>>>) {
    let sent = Arc::default();
    let transport = Scripted { responses: Arc::new(Mutex::new(responses.iter().copied().collect())), sent };
    let sent = Arc::clone(&transport.sent);
    (Client::builder().transport(transport).build().unwrap(), sent)
}

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn stream_that_was_idle_for_hours_is_opened_again_after_each_cut() {
    let idle = Response { item: None, silence: HOUR, is_answered: false };
    let first = Response { item: Some(1), silence: Duration::ZERO, is_answered: false };
    let last = Response { item: Some(2), silence: Duration::ZERO, is_answered: true };
    let (client, sent) = scripted(&[first, idle, idle, idle, last]);
    let mut numbers = client.stream::<u64>("numbers", ()).resume_param("after").await.unwrap();
    let mut read = Vec::new();
    while let Some(number) = numbers.next().await {
        read.push(number.unwrap());
    }
    assert_eq!((read, sent.lock().unwrap().len()), (vec![1, 2], 5));
}

#[tokio::test(start_paused = true)]
async fn client_gives_up_a_stream_that_is_cut_at_once_each_time() {
    let first = Response { item: Some(1), silence: HOUR, is_answered: false };
    let cut = Response { item: None, silence: Duration::ZERO, is_answered: false };
    let (client, sent) = scripted(&[first, cut]);
    let call = client.stream::<u64>("numbers", ()).resume_param("after");
    let mut numbers = call.reopen_limit(Duration::from_secs(30)).await.unwrap();
    assert_eq!(numbers.next().await.unwrap().unwrap(), 1);
    let error = numbers.next().await.unwrap().unwrap_err();
    assert!(error.is_cut() && numbers.next().await.is_none());
    let sent = sent.lock().unwrap();
    // The delays between the attempts grow.
    assert!((5..40).contains(&sent.len()), "{}", sent.len());
    assert!(sent[sent.len() - 1] - sent[1] < Duration::from_secs(30));
}
