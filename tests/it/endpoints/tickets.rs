//! Tickets of a client with several endpoints: where they are issued, and where they are redeemed.

use std::future::ready;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use http::StatusCode;
use rpc::client_middleware::BoxError;
use rpc::transport::{HttpTransport, Reply, Request, Transport};
use rpc::{BoxFuture, Client, Credential, Endpoint, Failure, Outcome, Server, Ticket};
use support::{refusing, serve};

use super::{endpoint, in_turn};

/// A server with a store of its own, whose method `pay` counts payments.
struct Till {
    url: String,
    payments: Arc<AtomicU32>,
}

impl Till {
    async fn serve() -> Self {
        let payments = Arc::new(AtomicU32::new(0));
        let counted = Arc::clone(&payments);
        let server = Server::builder().method("pay", move || {
            let payments = counted.fetch_add(1, Ordering::Relaxed) + 1;
            async move { payments }
        });
        Self { url: format!("http://{}", serve(&server.build()).await), payments }
    }

    fn payments(&self) -> u32 {
        self.payments.load(Ordering::Relaxed)
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::new(&self.url)
    }

    /// Returns an endpoint behind a gateway that rejects requests without this token.
    fn guarded(&self, token: &'static str, status: StatusCode) -> Endpoint {
        Endpoint::transport(Gateway { inner: HttpTransport::new(&self.url).unwrap(), token, status })
    }

    /// Pays, and returns the ticket of the payment.
    async fn pay(&self) -> Ticket {
        let client = Client::builder().endpoint(self.endpoint()).build().unwrap();
        let mut call = client.call::<u32>("pay", ());
        let ticket = call.ticket().await.unwrap();
        assert_eq!(call.await.unwrap(), 1);
        ticket
    }
}

/// A gateway that checks the token of each request, of HEAD as well.
#[derive(Debug)]
struct Gateway {
    inner: HttpTransport,
    token: &'static str,
    status: StatusCode,
}

impl Gateway {
    fn check(&self, request: &Request) -> Option<BoxFuture<Result<Reply, Failure>>> {
        let is_good = request.headers.get("authorization").is_some_and(|header| header == self.token);
        let mut reply = Reply::new(Bytes::new());
        reply.status = Some(self.status);
        (!is_good).then(|| Box::pin(ready(Ok(reply))) as _)
    }
}

impl Transport for Gateway {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.check(&request).unwrap_or_else(|| self.inner.send(request))
    }

    fn probe(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.check(&request).unwrap_or_else(|| self.inner.probe(request))
    }
}

async fn redeem(client: &Client, ticket: &Ticket) -> Result<u32, rpc::Error> {
    client.call::<u32>("pay", ()).redeem(ticket.clone()).await
}

#[tokio::test]
async fn ticket_is_redeemed_at_its_store_behind_a_gateway_that_checks_each_request() {
    let (one, two) = (Till::serve().await, Till::serve().await);
    let ticket = two.pay().await;
    for status in [StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN] {
        for _ in 0..4 {
            let client = in_turn()
                .endpoints([&one, &two].map(|till| till.guarded("Bearer good", status)))
                .credentials(|| async { Ok::<_, BoxError>(Credential::bearer("good")) })
                .build()
                .unwrap();
            assert_eq!(redeem(&client, &ticket).await.unwrap(), 1);
        }
    }
    assert_eq!((one.payments(), two.payments()), (0, 1));
}

#[tokio::test]
async fn rejected_token_is_renewed_before_a_ticket_misses_its_store() {
    let (one, two) = (Till::serve().await, Till::serve().await);
    let ticket = two.pay().await;
    for _ in 0..4 {
        let fetched = AtomicU32::new(0);
        let client = in_turn()
            .endpoints([&one, &two].map(|till| till.guarded("Bearer 2", StatusCode::UNAUTHORIZED)))
            .credentials(move || {
                let number = fetched.fetch_add(1, Ordering::Relaxed) + 1;
                async move { Ok::<_, BoxError>(Credential::bearer(number.to_string())) }
            })
            .build()
            .unwrap();
        assert_eq!(redeem(&client, &ticket).await.unwrap(), 1);
    }
    assert_eq!((one.payments(), two.payments()), (0, 1));
}

#[tokio::test]
async fn ticket_is_issued_by_another_endpoint_if_one_refuses_connections() {
    let (till, dead) = (Till::serve().await, refusing());
    let client = in_turn().endpoints([endpoint(dead), till.endpoint()]).build().unwrap();
    for paid in 1..=4 {
        let mut call = client.call::<u32>("pay", ());
        call.ticket().await.unwrap();
        assert_eq!(call.await.unwrap(), paid);
    }
}

#[tokio::test]
async fn ticket_is_not_sent_for_if_all_endpoints_refuse_connections() {
    let dead = [refusing(), refusing()];
    let client = in_turn().endpoints(dead.map(endpoint)).build().unwrap();
    for client in [client.pinned(), client] {
        let failure = client.call::<u32>("pay", ()).ticket().await.unwrap_err();
        assert!(failure.is_connect() && failure.outcome() == Outcome::NotSent, "{failure:?}");
    }
}

#[tokio::test]
async fn pinned_client_that_begins_with_a_ticket_is_pinned_to_the_store_of_the_ticket() {
    let (one, two) = (Till::serve().await, Till::serve().await);
    let ticket = two.pay().await;
    for paid in 2..=5 {
        let client = in_turn().endpoints([one.endpoint(), two.endpoint()]).build().unwrap();
        let pinned = client.pinned();
        assert_eq!(redeem(&pinned, &ticket).await.unwrap(), 1);
        assert_eq!(pinned.call::<u32>("pay", ()).await.unwrap(), paid);
    }
    assert_eq!((one.payments(), two.payments()), (0, 5));
}

#[tokio::test]
async fn pinned_client_redeems_no_ticket_of_another_store() {
    let (one, two) = (Till::serve().await, Till::serve().await);
    let ticket = two.pay().await;
    let client = in_turn().endpoints([one.endpoint(), two.endpoint().tier(1)]).build().unwrap().pinned();
    assert_eq!(client.call::<u32>("pay", ()).await.unwrap(), 1);
    assert_eq!(redeem(&client, &ticket).await.unwrap_err().outcome(), Outcome::Unknown);
    assert_eq!((one.payments(), two.payments()), (1, 1));
}
