use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::future::BoxFuture;
use http::{HeaderName, HeaderValue, Method, StatusCode};
use rpc::Failure;
use rpc::transport::{Reply, Request, Transport};
use serde_json::json;
use tokio::net::TcpStream;
use uuid::Uuid;

use crate::reliability::plan::Random;
use crate::reliability::proxy::bodies;
use crate::reliability::proxy::http::{Message, Wire};

/// A transport that sends requests like a client with a mistake.
#[derive(Debug)]
pub(crate) struct Mistaken {
    addr: SocketAddr,
    mistake: Mistake,
    sent: AtomicU64,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Mistake {
    /// Each attempt has new keys.
    MintsKeys,
    /// Attempts do not say which store they rely on.
    IgnoresStore,
}

impl Mistaken {
    pub(crate) fn new(addr: SocketAddr, mistake: Mistake) -> Self {
        Self { addr, mistake, sent: AtomicU64::new(0) }
    }
}

impl Transport for Mistaken {
    fn send(&self, request: Request) -> BoxFuture<'static, Result<Reply, Failure>> {
        self.exchange(Method::POST, &request)
    }

    fn probe(&self, request: Request) -> BoxFuture<'static, Result<Reply, Failure>> {
        self.exchange(Method::HEAD, &request)
    }
}

impl Mistaken {
    fn exchange(&self, method: Method, request: &Request) -> BoxFuture<'static, Result<Reply, Failure>> {
        let mut message = message(&method, request);
        let exchanged = match self.mistake {
            Mistake::MintsKeys => mint_keys(&mut message, self.sent.fetch_add(1, Ordering::Relaxed)),
            Mistake::IgnoresStore => {
                let keys = message.header("rpc-idempotency").and_then(|keys| keys.split(';').next());
                if let Some(keys) = keys.map(str::to_owned) {
                    message.set_header("rpc-idempotency", keys);
                }
                Vec::new()
            }
        };
        let addr = self.addr;
        Box::pin(async move {
            let stream = TcpStream::connect(addr).await.map_err(Failure::connect)?;
            let mut wire = Wire::new(stream);
            wire.write(&message.to_bytes()).await.map_err(Failure::transport)?;
            let answer = wire.read(method != Method::HEAD).await.map_err(Failure::transport)?;
            let mut answer = answer.ok_or_else(|| Failure::transport("closed"))?;
            bodies::restore_ids(&mut answer, &exchanged);
            Ok(reply(answer))
        })
    }
}

fn message(method: &Method, request: &Request) -> Message {
    let headers = request.headers.iter().map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()));
    let start = format!("{method} / HTTP/1.1");
    let mut message = Message { start, headers: headers.collect(), body: Vec::new() };
    message.set_header("host", "localhost");
    message.set_body(&request.body[..]);
    message
}

/// Gives each call with a key another key, in its id and in the header.
fn mint_keys(message: &mut Message, sent: u64) -> bodies::Exchanged {
    let Some(keys) = message.header("rpc-idempotency").map(str::to_owned) else { return Vec::new() };
    let mut random = Random::new(sent);
    let mut sum = 0;
    let exchanged = bodies::exchange_ids(message, |_, old| {
        if !old.is_string() {
            return old.clone();
        }
        let key = random.uuid();
        sum ^= key.as_u128();
        json!(key.to_string())
    });
    let store = keys.split_once(';').map(|(_, store)| format!(";{store}")).unwrap_or_default();
    message.set_header("rpc-idempotency", format!("keys={}{store}", Uuid::from_u128(sum)));
    exchanged
}

fn reply(answer: Message) -> Reply {
    let status = answer.start.split(' ').nth(1).and_then(|status| StatusCode::from_bytes(status.as_bytes()).ok());
    let mut reply = Reply::new(bytes::Bytes::from(answer.body));
    for (name, value) in &answer.headers {
        let name: HeaderName = name.parse().unwrap();
        reply.headers.append(name, HeaderValue::from_str(value).unwrap());
    }
    reply.status = status;
    reply
}
