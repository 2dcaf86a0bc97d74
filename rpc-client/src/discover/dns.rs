//! [`DnsDiscovery`]: the endpoints behind a name, one for each address that the DNS has for it.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::{Stream, stream};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use tokio::sync::Notify;

use super::Discover;
use crate::endpoint::Endpoint;
use crate::failure::{Failure, FailureKind};
use crate::middleware::BoxError;
use crate::runtime::{Instant, sleep_until};
use crate::transport::{HttpTransport, ServerAddress};

/// The servers behind a name: a client's endpoints are all addresses that the DNS has for the name, of IPv4 and IPv6.
///
/// The client resolves the name again when the answer's time to live has passed, but at the earliest after 1 s and at
/// the latest after 30 s. It also does so at once after it could not connect to an endpoint, at most once a second. So
/// it finds new servers while the old ones still answer. While the name cannot be resolved, the client keeps its
/// endpoints.
///
/// Requests have the name in `Host`, and TLS checks the certificate for it. The client connects to the addresses
/// without a proxy.
///
/// This takes the name servers from the system, `/etc/resolv.conf` on Unix, and reads `/etc/hosts`.
///
/// # Example
///
/// ```no_run
/// use rpc::{Client, DnsDiscovery, Endpoint};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), rpc::Failure> {
/// // A headless service of Kubernetes has the addresses of all its pods.
/// let client = Client::builder().discover(DnsDiscovery::new("http://orders.shop.svc.cluster.local:8080")?).build()?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct DnsDiscovery {
    endpoint: Endpoint,
    host: String,
    port: u16,
    name_servers: Vec<SocketAddr>,
    refresh: Notify,
}

/// The shortest and the longest time between two lookups.
const MIN_TTL: Duration = Duration::from_secs(1);
const MAX_TTL: Duration = Duration::from_secs(30);

impl DnsDiscovery {
    /// Makes the source for a URL, such as `http://orders.internal:8080/rpc`. Its host is the name to resolve.
    ///
    /// Pass an [`Endpoint`] to give all endpoints a header, a weight or a tier.
    ///
    /// # Errors
    ///
    /// The URL is invalid, its host is not a name, or the endpoint has a transport of its own.
    pub fn new(endpoint: impl Into<Endpoint>) -> Result<Self, Failure> {
        let endpoint = endpoint.into();
        let refused = |why| Err(Failure::new(FailureKind::Builder(why)));
        let Some(url) = endpoint.url() else { return refused("an endpoint with a transport has no name to resolve") };
        let ServerAddress { host, port } = HttpTransport::address_of(url)?;
        if host.starts_with('[') || host.parse::<IpAddr>().is_ok() {
            return refused("the host to resolve is an address and not a name");
        }
        Ok(Self { endpoint, host, port, name_servers: Vec::new(), refresh: Notify::new() })
    }

    /// Asks these name servers instead of those of the system. The file `/etc/hosts` is not read then.
    #[must_use]
    pub fn name_servers(mut self, servers: impl IntoIterator<Item = SocketAddr>) -> Self {
        self.name_servers = servers.into_iter().collect();
        self
    }

    fn resolver(&self) -> Result<TokioResolver, BoxError> {
        let mut builder = if self.name_servers.is_empty() {
            TokioResolver::builder_tokio()?
        } else {
            let servers = self.name_servers.iter().map(|server| {
                let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                    connection.port = server.port();
                    connection
                });
                NameServerConfig::new(server.ip(), true, connections.into())
            });
            let config = ResolverConfig::from_name_servers(servers.collect());
            let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
            builder.options_mut().use_hosts_file = ResolveHosts::Never;
            builder
        };
        let options = builder.options_mut();
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        // The client itself decides when to ask again.
        options.cache_size = 0;
        Ok(builder.build()?)
    }

    /// Resolves the name. Returns the endpoints and when to resolve it again.
    async fn resolve(&self, resolver: &TokioResolver) -> Result<(Vec<Endpoint>, Instant), BoxError> {
        let found = resolver.lookup_ip(self.host.as_str()).await?;
        let ttl = found.valid_until().saturating_duration_since(std::time::Instant::now());
        let mut addresses: Vec<_> = found.iter().collect();
        // Name servers rotate the addresses.
        addresses.sort_unstable();
        addresses.dedup();
        let endpoint = |address| self.endpoint.clone().connect_to(SocketAddr::new(address, self.port));
        Ok((addresses.into_iter().map(endpoint).collect(), Instant::now() + ttl.clamp(MIN_TTL, MAX_TTL)))
    }

    /// Waits until this time, or until a new set is asked for. Then at least [`MIN_TTL`] has passed since the lookup.
    async fn wait(&self, until: Instant, looked_up: Instant) {
        let asked = pin!(self.refresh.notified());
        if let Either::Right(_) = select(pin!(sleep_until(until)), asked).await {
            sleep_until(looked_up + MIN_TTL).await;
        }
    }
}

/// The state of the stream of sets.
#[derive(Default)]
struct Lookups {
    resolver: Option<TokioResolver>,
    /// When the name was resolved, and until when the answer counts.
    last: Option<(Instant, Instant)>,
}

impl Discover for DnsDiscovery {
    fn watch(&self) -> impl Stream<Item = Result<Vec<Endpoint>, BoxError>> + Send {
        stream::unfold(Lookups::default(), move |mut lookups| async move {
            if let Some((looked_up, until)) = lookups.last.take() {
                self.wait(until, looked_up).await;
            }
            let resolved = async {
                let resolver = match lookups.resolver.take() {
                    Some(resolver) => resolver,
                    None => self.resolver()?,
                };
                let resolved = self.resolve(&resolver).await;
                lookups.resolver = Some(resolver);
                let (endpoints, until) = resolved?;
                lookups.last = Some((Instant::now(), until));
                Ok(endpoints)
            };
            let resolved = resolved.await;
            Some((resolved, lookups))
        })
    }

    fn refresh(&self) {
        self.refresh.notify_one();
    }
}
