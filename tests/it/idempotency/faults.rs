//! Calls through a gateway that does everything a gateway may do, while clocks stop and servers are replaced. Only the
//! client and the server are real: requests are passed in memory, by a paused clock. `RPC_SEEDS` sets how many seeds
//! are tried.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Extensions, HeaderMap, Method, StatusCode};
use rpc::idempotency::{Begin, BeginRequest, End, Fingerprint, Key, Lease, Store, StoreError, StoreInfo};
use rpc::transport::{Reply, Request, Transport};
use rpc::{BoxFuture, Call, Client, Error, ErrorObject, Failure, Outcome, Retry, RetryBudget, Server, Ticket};
use rpc_core::{Dispatch, RequestContext};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

const TTL: Duration = Duration::from_secs(6);

/// A seeded random number generator.
#[derive(Debug)]
struct Random(AtomicU64);

impl Random {
    /// Returns a number below `limit`.
    fn below(&self, limit: u64) -> u64 {
        let mut next = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        next = (next ^ (next >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        next = (next ^ (next >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (next ^ (next >> 31)) % limit
    }

    fn one_in(&self, limit: u64) -> bool {
        self.below(limit) == 0
    }

    fn millis(&self, limit: u64) -> Duration {
        Duration::from_millis(self.below(limit))
    }
}

#[derive(Debug)]
struct Known {
    fingerprint: Fingerprint,
    over: Duration,
    kept_until: Duration,
    token: Uuid,
    leased_until: Duration,
    begin: Begin,
}

/// The clocks of clients and stores, and how far they are behind, in milliseconds.
#[derive(Debug)]
struct Clocks {
    start: Instant,
    /// How long the clients' clock has been stopped.
    clients_slept: AtomicU64,
    /// How long the stores' clock has been stopped.
    stores_slept: AtomicU64,
}

impl Clocks {
    fn new() -> Arc<Self> {
        Arc::new(Self { start: Instant::now(), clients_slept: AtomicU64::new(0), stores_slept: AtomicU64::new(0) })
    }

    /// Returns the time by the stores' clock, in milliseconds.
    fn stores_time(&self) -> u64 {
        let awake = self.start.elapsed().as_millis() as u64 + self.clients_slept.load(Ordering::Relaxed);
        awake.saturating_sub(self.stores_slept.load(Ordering::Relaxed))
    }

    /// Stops the stores' clock now and then, in small steps.
    async fn stop_stores(&self, random: &Random) {
        loop {
            sleep(random.millis(8_000)).await;
            for _ in 0..random.below(160) {
                sleep(Duration::from_millis(50)).await;
                self.stores_slept.fetch_add(50, Ordering::Relaxed);
            }
        }
    }
}

/// A store that forgets each key as soon as it may.
#[derive(Debug)]
struct Forgetful {
    identity: Uuid,
    /// When it was created, in milliseconds of the stores' clock.
    start: u64,
    clocks: Arc<Clocks>,
    /// The latest time that it has returned, in milliseconds.
    latest: AtomicU64,
    keys: Mutex<HashMap<Key, Known>>,
}

impl Store for Forgetful {
    fn info(&self) -> StoreInfo {
        StoreInfo { identity: self.identity, ttl: TTL }
    }

    fn now(&self) -> Duration {
        let now = self.clocks.stores_time().saturating_sub(self.start);
        // The time never goes back, although the steps of a stopped clock are coarse.
        Duration::from_millis(self.latest.fetch_max(now, Ordering::Relaxed).max(now))
    }

    fn begin(&self, request: BeginRequest) -> BoxFuture<Result<Begin, StoreError>> {
        let now = self.now();
        let mut keys = self.keys.lock().unwrap();
        keys.retain(|_, known| known.over > now);
        let begun = match keys.get(&request.key) {
            Some(known) if known.fingerprint != request.fingerprint => Begin::Mismatch,
            Some(Known { begin: Begin::Running, leased_until, .. }) if *leased_until <= now => Begin::Unknown,
            Some(known) => known.begin.clone(),
            None if request.is_forgotten(now, TTL) => Begin::Forgotten,
            None => {
                let token = Uuid::new_v4();
                let leased_until = now + request.lease;
                let kept_until = request.remembered_from(now) + TTL;
                let (fingerprint, over) = (request.fingerprint, (leased_until + TTL).max(kept_until));
                keys.insert(
                    request.key,
                    Known { fingerprint, over, kept_until, token, leased_until, begin: Begin::Running },
                );
                Begin::Fresh(Lease { key: request.key, token })
            }
        };
        Box::pin(std::future::ready(Ok(begun)))
    }

    fn finish(&self, lease: Lease, end: End) -> BoxFuture<Result<(), StoreError>> {
        let now = self.now();
        let mut keys = self.keys.lock().unwrap();
        if let Some(known) = keys.get_mut(&lease.key)
            && known.token == lease.token
            && known.begin == Begin::Running
        {
            known.over = (now + TTL).max(known.kept_until);
            match end {
                End::Kept(kept) => known.begin = Begin::Done(kept),
                End::Unknown => known.begin = Begin::Unknown,
                End::Released => drop(keys.remove(&lease.key)),
            }
        }
        Box::pin(std::future::ready(Ok(())))
    }
}

/// How many times each call had its effect.
type Ran = Arc<Mutex<HashMap<u64, u32>>>;

/// Everything behind the gateway.
#[derive(Debug)]
struct World {
    /// The seed also decides whether clients, servers or both sleep.
    seed: u64,
    random: Random,
    servers: Mutex<[Server; 2]>,
    clocks: Arc<Clocks>,
    ran: Ran,
    stores: AtomicU64,
}

impl World {
    fn new(seed: u64) -> Arc<Self> {
        let (clocks, ran) = (Clocks::new(), Ran::default());
        let servers = Mutex::new([0, 1].map(|number| server(seed, number, &clocks, &ran)));
        Arc::new(Self {
            seed,
            random: Random(AtomicU64::new(seed << 20)),
            servers,
            clocks,
            ran,
            stores: AtomicU64::new(2),
        })
    }

    /// Returns a server, usually the first one.
    fn server(&self) -> Server {
        let servers = self.servers.lock().unwrap();
        servers[usize::from(self.random.one_in(12))].clone()
    }

    fn restart(&self) {
        let number = self.stores.fetch_add(1, Ordering::Relaxed);
        self.servers.lock().unwrap()[0] = server(self.seed, number, &self.clocks, &self.ran);
    }

    fn ran(&self, number: u64) -> u32 {
        self.ran.lock().unwrap().get(&number).copied().unwrap_or_default()
    }
}

fn server(seed: u64, number: u64, clocks: &Arc<Clocks>, ran: &Ran) -> Server {
    let store = Forgetful {
        identity: Uuid::from_u64_pair(seed, number + 1),
        start: clocks.stores_time(),
        clocks: Arc::clone(clocks),
        latest: AtomicU64::new(0),
        keys: Mutex::default(),
    };
    let (ran, random) = (Arc::clone(ran), Arc::new(Random(AtomicU64::new(seed ^ (number << 32)))));
    Server::builder()
        .try_method("buy", move |[number]: [u64; 1]| {
            let (ran, random) = (Arc::clone(&ran), Arc::clone(&random));
            async move {
                sleep(random.millis(if random.one_in(5) { 4000 } else { 50 })).await;
                *ran.lock().unwrap().entry(number).or_default() += 1;
                if random.one_in(20) {
                    return Err(ErrorObject::new(1001, "sold out"));
                }
                assert!(!random.one_in(30), "a handler that panics");
                Ok(number)
            }
        })
        .idempotency_store(store)
        .build()
}

/// Changes all ids that are UUIDs.
fn with_ids(body: &Bytes, change: fn(u128) -> u128) -> Bytes {
    let Ok(mut message) = serde_json::from_slice::<Value>(body) else { return body.clone() };
    let entries = match &mut message {
        Value::Array(entries) => &mut entries[..],
        message => std::slice::from_mut(message),
    };
    for id in entries.iter_mut().filter_map(|entry| entry.get_mut("id")) {
        if let Some(uuid) = id.as_str().and_then(|id| Uuid::parse_str(id).ok()) {
            *id = json!(Uuid::from_u128(change(uuid.as_u128())).to_string());
        }
    }
    message.to_string().into()
}

/// Passes a request to a server.
async fn exchange(server: Server, method: Method, body: Bytes, headers: HeaderMap, restores: bool) -> Reply {
    let context = RequestContext::new(headers, None, Extensions::new());
    let context = Arc::new(context.counting_from_now(|| Instant::now().into_std()));
    let answer =
        if method == Method::HEAD { server.announce(context).await } else { server.dispatch(body, context).await };
    let mut body = answer.body;
    if restores {
        body = with_ids(&body, |id| id.rotate_right(4));
    }
    let mut reply = Reply::new(body);
    reply.headers = answer.headers.map(|headers| *headers).unwrap_or_default();
    reply
}

#[derive(Debug)]
struct Gateway(Arc<World>);

impl Transport for Gateway {
    fn send(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.pass_on(Method::POST, request)
    }

    fn probe(&self, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        self.pass_on(Method::HEAD, request)
    }
}

impl Gateway {
    fn pass_on(&self, method: Method, request: Request) -> BoxFuture<Result<Reply, Failure>> {
        let world = Arc::clone(&self.0);
        let random = &world.random;
        let server = world.server();
        let Request { mut body, headers, .. } = request;
        // While a client sleeps, the store's time continues, and so do the requests that the client has sent.
        if world.seed % 3 != 1 && random.one_in(8) {
            world.clocks.clients_slept.fetch_add(random.below(9_000), Ordering::Relaxed);
        }
        let rewrites = random.one_in(25);
        if rewrites {
            body = with_ids(&body, |id| id.rotate_left(4));
        }
        // A gateway may send a request twice only if the request says when it was sent. Otherwise a repeat may not be
        // safe.
        let has_time = headers.get("rpc-idempotency").is_some_and(|keys| keys.to_str().unwrap().contains(";at="));
        let what = Some(random.below(24)).filter(|what| ![7, 10, 11].contains(what) || has_time).unwrap_or_default();
        let (late, later) = (random.millis(20_000), random.millis(3_000));
        let deliver = exchange(server.clone(), method.clone(), body.clone(), headers.clone(), rewrites);
        Box::pin(async move {
            match what {
                0 => Err(Failure::transport("lost on its way")),
                1 => Err(Failure::not_sent("never sent")),
                2 | 3 => {
                    deliver.await;
                    Err(Failure::transport("the answer is lost"))
                }
                4 | 5 => {
                    tokio::spawn(async move {
                        sleep(late).await;
                        deliver.await;
                    });
                    if what == 4 { std::future::pending().await } else { Err(Failure::transport("cut, but not lost")) }
                }
                6 => {
                    let mut reply = deliver.await;
                    reply.status = Some(StatusCode::BAD_GATEWAY);
                    Ok(reply)
                }
                7 | 10 | 11 => {
                    tokio::spawn(async move {
                        sleep(late).await;
                        exchange(server, method, body, headers, rewrites).await;
                    });
                    Ok(deliver.await)
                }
                8 => {
                    sleep(later).await;
                    Ok(deliver.await)
                }
                9 => {
                    let reply = deliver.await;
                    sleep(later).await;
                    Ok(reply)
                }
                _ => Ok(deliver.await),
            }
        })
    }
}

/// Asserts that the caller was told the truth about a call, when nothing is in flight any more.
#[track_caller]
fn check(seed: u64, number: u64, what: &str, told: &Result<u64, Error>, ran: u32) {
    let is_true = match told {
        Ok(result) => *result == number && ran == 1,
        Err(error) => match error.outcome() {
            Outcome::NotSent | Outcome::Refused => ran == 0,
            Outcome::Executed => ran == 1,
            _ => ran <= 1,
        },
    };
    assert!(is_true, "seed {seed}, call {number} ({what}) ran {ran} times and was told {told:?}");
}

async fn life(world: Arc<World>, client: Client, number: u64) -> (u64, String, Result<u64, Error>) {
    let random = &world.random;
    let retry = if random.one_in(4) { Retry::never() } else { Retry::exponential().max_attempts(4) };
    let deadline = Duration::from_millis(1_000 + random.below(9_000));
    let buy = || -> Call<u64> { client.call::<u64>("buy", [number]).retry(retry).deadline(deadline) };
    let mut what = if retry == Retry::never() { "once" } else { "retried" }.to_owned();
    let mut call = buy();
    let ticket = if random.one_in(2) { call.ticket().await.ok() } else { None };
    if ticket.is_some() {
        sleep(if random.one_in(4) { random.millis(9_000) } else { Duration::ZERO }).await;
    }
    let mut told = if random.one_in(3) {
        // In a batch with another call.
        let other = client.call::<u64>("buy", [number + 1_000_000]).retry(retry);
        match client.batch((call, other)).await {
            Ok((told, _)) => told,
            Err(failure) => Err(failure.into()),
        }
    } else {
        call.await
    };
    what += &format!(", {:?}", told.as_ref().err().map(Error::outcome));
    if ticket.is_some() {
        what += ", ticket";
    }
    let Some(ticket) = ticket else { return (number, what, told) };
    for _ in 0..random.below(5) {
        if told.as_ref().err().is_none_or(|error| error.outcome() != Outcome::Unknown) {
            break;
        }
        sleep(random.millis(if random.one_in(3) { 12_000 } else { 1_000 })).await;
        let ticket: Ticket = serde_json::from_value(json!(ticket)).unwrap();
        told = buy().redeem(ticket).await;
        what += &format!(", redeemed {:?}", told.as_ref().err().map(Error::outcome));
    }
    (number, what, told)
}

async fn live(seed: u64, calls: u64) -> HashMap<String, u32> {
    let world = World::new(seed);
    let transport = Gateway(Arc::clone(&world));
    let budget = if seed.is_multiple_of(2) { RetryBudget::default() } else { RetryBudget::unlimited() };
    let client = Client::builder().transport(transport).retry_budget(budget).build().unwrap();
    let sleeping = Arc::clone(&world);
    let sleeping = tokio::spawn(async move {
        if !seed.is_multiple_of(3) {
            sleeping.clocks.stop_stores(&sleeping.random).await;
        }
    });
    let mut lives = Vec::new();
    for number in 0..calls {
        lives.push(tokio::spawn(life(Arc::clone(&world), client.clone(), number)));
        sleep(world.random.millis(500)).await;
        if world.random.one_in(40) {
            world.restart();
        }
    }
    let mut told = Vec::new();
    for life in lives {
        told.push(life.await.unwrap());
    }
    sleeping.abort();
    // No request is in flight for longer.
    sleep(Duration::from_secs(120)).await;
    let mut ends = HashMap::new();
    for (number, what, told) in told {
        check(seed, number, &what, &told, world.ran(number));
        assert!(world.ran(number + 1_000_000) <= 1, "seed {seed}: a sibling ran twice");
        *ends.entry(format!("{:?}", told.err().map(|error| error.outcome()))).or_default() += 1;
    }
    ends
}

#[tokio::test(start_paused = true)]
async fn no_call_runs_twice_or_is_reported_falsely_whatever_a_gateway_and_clocks_do() {
    let seeds = std::env::var("RPC_SEEDS").map_or(20, |seeds| seeds.parse().unwrap());
    for seed in 0..seeds {
        println!("seed {seed}: {:?}", live(seed, 150).await);
    }
}
