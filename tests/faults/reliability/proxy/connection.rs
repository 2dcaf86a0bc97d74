use std::io;
use std::sync::Arc;

use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::http::{Message, Wire};
use super::{Gateway, Inner, bodies};
use crate::reliability::plan::Fault;

/// What happens to a client's connection after a request.
enum Then {
    Keep,
    Close,
    Reset,
    /// The connection is reset when the next request arrives.
    ResetAtNext,
}

/// Serves a client's connection, over a connection of its own to the server.
pub(super) async fn serve(inner: Arc<Inner>, mut client: Wire) {
    let mut server = None;
    while let Ok(Some(request)) = client.read(true).await {
        let fault = inner.plan.fault_of(bodies::name_of(&request));
        let mut exchange = Exchange { inner: &inner, client: &mut client, server: &mut server };
        match exchange.run(request, fault).await {
            Ok(Then::Keep) => {}
            Ok(Then::Close) | Err(_) => return,
            Ok(Then::Reset) => return client.reset(),
            Ok(Then::ResetAtNext) => {
                client.readable().await;
                return client.reset();
            }
        }
    }
}

/// One request and its answer.
struct Exchange<'a> {
    inner: &'a Inner,
    client: &'a mut Wire,
    server: &'a mut Option<Wire>,
}

impl Exchange<'_> {
    async fn run(&mut self, mut request: Message, fault: Option<Fault>) -> io::Result<Then> {
        match fault {
            Some(Fault::DropRequest) => return Ok(Then::Reset),
            Some(Fault::Outage(time)) => {
                self.inner.outages.send(time).map_err(io::Error::other)?;
                return Ok(Then::Reset);
            }
            Some(Fault::Hang { forwarded: false }) => return self.hang().await,
            Some(Fault::Status { status, retry_after, forwarded: false }) => {
                return self.answer(&status_of(status, retry_after), &request).await;
            }
            Some(Fault::DelayRequest(time)) => sleep(time).await,
            _ => {}
        }
        let exchanged = match self.inner.options.gateway {
            Gateway::KeepsIds => Vec::new(),
            Gateway::NumbersCalls => bodies::exchange_ids(&mut request, |number, _| json!(number)),
            Gateway::MintsUuids => {
                let minted = bodies::minting(&request);
                bodies::exchange_ids(&mut request, minted)
            }
        };
        self.inner.pass(&mut request);
        let mut answer = self.forward(&request).await?;
        if !exchanged.is_empty() {
            bodies::restore_ids(&mut answer, &exchanged);
        }
        self.reply(answer, &request, fault).await
    }

    /// Answers a forwarded request as the fault says, which may mean no answer.
    async fn reply(&mut self, mut answer: Message, request: &Message, fault: Option<Fault>) -> io::Result<Then> {
        match fault {
            Some(Fault::DropResponse) => return Ok(Then::Close),
            Some(Fault::Hang { .. }) => return self.hang().await,
            Some(Fault::Kill) => {
                if let Some(hook) = &self.inner.options.hook {
                    hook().await;
                }
                return Ok(Then::Close);
            }
            Some(Fault::Status { status, retry_after, .. }) => {
                return self.answer(&status_of(status, retry_after), request).await;
            }
            Some(Fault::Garbage) => {
                self.client.write(b"\x15\x03\x01\x00\x02\x02\x0a no HTTP\r\n\r\n").await?;
                return Ok(Then::Close);
            }
            Some(Fault::Cut) => {
                let half = answer.head().len() + answer.body.len() / 2;
                self.client.write(&answer.to_bytes()[..half]).await?;
                return Ok(Then::Close);
            }
            Some(Fault::DelayResponse(time)) => sleep(time).await,
            Some(fault) => bodies::distort(&mut answer, fault),
            None => {}
        }
        let then = self.answer(&answer, request).await?;
        Ok(if fault == Some(Fault::StaleClose) { Then::ResetAtNext } else { then })
    }

    async fn answer(&mut self, answer: &Message, request: &Message) -> io::Result<Then> {
        let bytes = if request.method() == "HEAD" { answer.head() } else { answer.to_bytes() };
        self.client.write(&bytes).await?;
        Ok(Then::Keep)
    }

    /// Sends no answer until the test releases the request or the client closes.
    async fn hang(&mut self) -> io::Result<Then> {
        tokio::select! {
            () = self.inner.released() => {}
            () = self.client.closed() => {}
        }
        Ok(Then::Close)
    }

    /// Sends the request to the server and waits for the answer, as long as the client waits.
    async fn forward(&mut self, request: &Message) -> io::Result<Message> {
        let mut server = match self.server.take() {
            Some(server) => server,
            None => match TcpStream::connect(self.inner.upstream).await {
                Ok(stream) => Wire::new(stream),
                // A gateway does the same when its server is down.
                Err(_) => return Ok(status_of(502, None)),
            },
        };
        let answer = async {
            server.write(&request.to_bytes()).await?;
            let answer = server.read(request.method() != "HEAD").await?;
            answer.ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
        };
        let answer = tokio::select! {
            answer = answer => answer?,
            () = self.client.closed() => return Err(io::ErrorKind::ConnectionAborted.into()),
        };
        let closes = answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        *self.server = Some(server).filter(|_| !closes);
        Ok(answer)
    }
}

/// Builds the answer of a proxy that does not forward. For 429 the body looks like JSON-RPC, as it does at commercial
/// providers of such servers.
fn status_of(status: u16, retry_after: Option<u32>) -> Message {
    let mut answer = if status == 429 {
        let body = json!({"jsonrpc": "2.0", "error": {"code": -32005, "message": "rate limited"}, "id": null});
        Message::answer(status, "application/json", body.to_string())
    } else {
        Message::answer(status, "text/html", "<h1>Something is wrong</h1>")
    };
    if let Some(seconds) = retry_after {
        answer.set_header("retry-after", seconds.to_string());
    }
    answer
}
