//! [`DnsDiscovery`]: the endpoints behind a name, one for each address that the DNS has for it.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use futures_util::{Stream, stream};
use hickory_resolver::config::{ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::op::Query;
use hickory_resolver::proto::rr::{Name, Record, RecordType};
use hickory_resolver::{Hosts, TokioResolver};
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
/// endpoints. So does a failed lookup of a family of addresses that had some before. A family without addresses is no
/// failure.
///
/// Requests have the name in `Host`, and TLS checks the certificate for it. The client connects to the addresses
/// without a proxy.
///
/// This takes the name servers from the system, `/etc/resolv.conf` on Unix. It does not ask them for a name that is in
/// `/etc/hosts`.
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

    fn resolver(&self) -> Result<NameResolver, BoxError> {
        let (mut builder, hosts) = if self.name_servers.is_empty() {
            (TokioResolver::builder_tokio()?, Hosts::from_system().unwrap_or_default())
        } else {
            let servers = self.name_servers.iter().map(|server| {
                let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                    connection.port = server.port();
                    connection
                });
                NameServerConfig::new(server.ip(), true, connections.into())
            });
            let config = ResolverConfig::from_name_servers(servers.collect());
            let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
            (builder, Hosts::default())
        };
        let options = builder.options_mut();
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.use_hosts_file = ResolveHosts::Never;
        // The client itself decides when to ask again.
        options.cache_size = 0;
        Ok(NameResolver { dns: builder.build()?, hosts, families: Vec::new() })
    }

    /// Resolves the name. Returns the endpoints and when to resolve it again.
    async fn resolve(&self, resolver: &mut NameResolver) -> Result<(Vec<Endpoint>, Instant), BoxError> {
        let found = resolver.look_up(&self.host).await?;
        let now = std::time::Instant::now();
        let ttls = found.iter().map(|lookup| lookup.valid_until().saturating_duration_since(now));
        let ttl = ttls.min().unwrap_or_default();
        let records = found.iter().flat_map(|lookup| lookup.answers());
        let mut addresses: Vec<_> = records.filter_map(|record| record.data.ip_addr()).collect();
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

/// What resolves names.
struct NameResolver {
    dns: TokioResolver,
    /// The file `/etc/hosts`. The client reads it itself, since a name there needs no name server.
    hosts: Hosts,
    /// The families of the addresses that were found last.
    families: Vec<RecordType>,
}

impl NameResolver {
    /// Looks up the addresses of both families.
    ///
    /// # Errors
    ///
    /// There is no address, or the lookup failed for a family that had addresses before. Some name servers always fail
    /// for IPv6. Then the IPv4 addresses are all there are.
    async fn look_up(&mut self, host: &str) -> Result<Vec<Lookup>, BoxError> {
        const FAMILIES: [RecordType; 2] = [RecordType::A, RecordType::AAAA];
        let name = Name::from_utf8(host)?;
        let listed = |family| self.hosts.lookup_static_host(&Query::query(name.clone(), family));
        let listed: Vec<_> = FAMILIES.into_iter().filter_map(listed).collect();
        if !listed.is_empty() {
            return Ok(listed);
        }
        let found = self.dns.lookup_ip(host).await?.as_lookup().clone();
        let has = |family| found.answers().iter().any(|record| record.record_type() == family);
        let Some(missing) = FAMILIES.into_iter().find(|family| !has(*family)) else {
            self.families = FAMILIES.into();
            return Ok(vec![found]);
        };
        // The resolver does not say whether the family has no addresses or its lookup failed. Both families must be of
        // the same name, so the search domains do not apply again.
        let mut name = found.query().name().clone();
        name.set_fqdn(true);
        let found = match self.dns.lookup(name, missing).await {
            Ok(other) => vec![found, other],
            Err(error) if error.is_no_records_found() || !self.families.contains(&missing) => vec![found],
            Err(error) => return Err(error.into()),
        };
        self.families = found.iter().flat_map(Lookup::answers).map(Record::record_type).collect();
        self.families.dedup();
        Ok(found)
    }
}

/// The state of the stream of sets.
#[derive(Default)]
struct Lookups {
    resolver: Option<NameResolver>,
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
                let mut resolver = match lookups.resolver.take() {
                    Some(resolver) => resolver,
                    None => self.resolver()?,
                };
                let resolved = self.resolve(&mut resolver).await;
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

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;

    use super::DnsDiscovery;

    #[tokio::test]
    async fn name_in_the_hosts_file_needs_no_name_server() {
        let nowhere = SocketAddr::from(([127, 0, 0, 1], 0));
        let source = DnsDiscovery::new("http://orders:80").unwrap().name_servers([nowhere]);
        let mut resolver = source.resolver().unwrap();
        resolver.hosts.read_hosts_conf(&b"10.0.0.1 other orders\n"[..]).unwrap();
        let found = resolver.look_up("orders").await.unwrap();
        let shown: Vec<_> = found.iter().flat_map(|lookup| lookup.answers()).map(|record| &record.data).collect();
        assert_eq!(shown.iter().map(ToString::to_string).collect::<Vec<_>>(), ["10.0.0.1"]);
        assert_eq!(source.resolve(&mut resolver).await.unwrap().0.len(), 1);
    }
}
