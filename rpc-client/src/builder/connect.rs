//! [`Client::connect`]: a client that has connected once, so that errors show early.

use std::future::IntoFuture;

use futures_util::future::join_all;
use rpc_core::{BoxFuture, Outcome};

use super::ClientBuilder;
use crate::client::Client;
use crate::credentials::Authorization;
use crate::delivery::is_unauthorized;
use crate::endpoint::Endpoint;
use crate::endpoints::EndpointState;
use crate::engine::Engine;
use crate::exchange::{AttemptTimeout, Exchange};
use crate::failure::Failure;
use crate::parts::deadline;
use crate::runtime::Instant;
use crate::transport::{ProbePurpose, Progress, Request};

impl Client {
    /// Makes a client for the server at this address, and connects to it when it is awaited: most useful for `ws`,
    /// `wss` and `unix` addresses.
    ///
    /// From then on it is a client as any other. It connects again when the connection has ended and there is a call.
    /// With [`Connect::serves`], it also answers calls of the server.
    ///
    /// # Errors
    ///
    /// - As for [`new`](Self::new).
    /// - No connection can be made, or the server refuses to speak WebSocket at this address. The outcome is
    ///   [`Outcome::NotSent`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connection.
    ///
    /// # Example
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), rpc::Error> {
    /// let client = rpc::Client::connect("ws://127.0.0.1:8080").await?;
    /// let sum: i64 = client.call("sum", [1, 2]).await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn connect(endpoint: impl Into<Endpoint>) -> Connect {
        Connect(Self::builder().endpoint(endpoint))
    }
}

/// Makes a client and connects to its server, when it is awaited. [`Client::connect`] makes it.
#[must_use = "it does nothing until it is awaited"]
#[derive(Debug)]
pub struct Connect(ClientBuilder);

impl Connect {
    /// Answers calls and notifications of the server with this. See [`ClientBuilder::serves`].
    ///
    /// # Example
    ///
    /// ```no_run
    /// # async fn example() -> Result<(), rpc::Failure> {
    /// use rpc::{Client, Server};
    ///
    /// let named = Server::builder().method("name", || async { "Ada" }).build();
    /// let client = Client::connect("ws://127.0.0.1:8080").serves(named).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[cfg(any(feature = "ipc", feature = "websocket"))]
    #[cfg_attr(docsrs, doc(cfg(any(feature = "ipc", feature = "websocket"))))]
    pub fn serves(self, dispatch: impl rpc_core::Dispatch) -> Self {
        Self(self.0.serves(dispatch))
    }
}

impl IntoFuture for Connect {
    type Output = Result<Client, Failure>;
    type IntoFuture = BoxFuture<Self::Output>;

    /// Builds the client and connects.
    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.0.connect())
    }
}

impl ClientBuilder {
    /// Builds the client, and connects to its endpoints. `http` endpoints get a request `HEAD`.
    ///
    /// # Errors
    ///
    /// - As for [`build`](Self::build).
    /// - No endpoint can be connected to. The failure is that of the first one.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future closes the connections.
    pub async fn connect(self) -> Result<Client, Failure> {
        let client = self.build()?;
        let engine = client.engine();
        let endpoints = engine.endpoints.set().all().to_vec();
        let connected = join_all(endpoints.iter().map(|endpoint| connect(engine, endpoint))).await;
        if connected.iter().any(Result::is_ok) {
            return Ok(client);
        }
        match connected.into_iter().find_map(Result::err) {
            Some(failure) => Err(failure),
            None => Ok(client),
        }
    }
}

/// Connects to an endpoint, with the client's credentials.
async fn connect(engine: &Engine, endpoint: &EndpointState) -> Result<(), Failure> {
    let until = deadline(engine.settings.deadline, Instant::now());
    let (mut authorization, mut headers) = (Authorization::default(), None);
    loop {
        if let Some(credentials) = &engine.credentials {
            authorization.apply(credentials, &mut headers, until).await?;
        }
        let progress = Progress::default();
        let request = Request {
            body: bytes::Bytes::new(),
            headers: engine.headers.of_probe(&endpoint.headers, headers.as_deref()),
            deadline: until.into_std(),
            progress: progress.clone(),
            meter: engine.observer.meter(),
            transport: None,
            subscription: None,
            purpose: ProbePurpose::Connection,
        };
        let exchange = Exchange {
            reply: endpoint.transport.probe(request),
            progress,
            begun: Instant::now(),
            timeout: AttemptTimeout { until, soft: None },
            max_bytes: engine.settings.max_response_bytes,
        };
        let Err(failure) = exchange.receive(|| true).await else { return Ok(()) };
        match &engine.credentials {
            Some(credentials) if is_unauthorized(&failure) && authorization.may_renew(credentials) => {
                authorization.renew(credentials);
            }
            // Whatever a server answers over HTTP, it was connected to.
            _ if failure.status().is_some() && failure.outcome() != Outcome::NotSent => return Ok(()),
            _ => return Err(failure),
        }
    }
}
