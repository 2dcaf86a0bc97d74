//! The tables of docs/endpoints.md: what a client of three servers notices while the third one misbehaves, with each
//! balancer, without and with circuit breakers. The test makes it happen over sockets, and asserts each cell.
//!
//! Shares vary from run to run. So each cell has bounds that are far from the usual share.

use std::fmt::{self, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use rpc::{Balance, CircuitBreaker, Client, ClientBuilder, Limits, Retry, RetryBudget, Server};
use support::raw_http::TEST_TIMEOUT;
use support::{Answer, Peer, Received, error, http, serve};
use tokio::net::TcpSocket;
use tokio::time::{sleep, timeout};

/// How long a call takes at a server that is well.
const SERVICE_TIME: Duration = Duration::from_millis(10);

/// The number of calls of a cell.
const CALLS: u32 = 200;

/// How many calls of a cell are in flight.
const CALLERS: u32 = 4;

/// How many cells are measured at the same time. More cells would keep the processors busy, so that all servers are
/// slow.
const CELLS: usize = 6;

/// How often a cell is measured before the test fails. A stall of the machine spoils a run.
const RUNS: usize = 3;

/// What is wrong with the third server.
#[derive(Clone, Copy, Debug)]
enum Fault {
    RefusesConnections,
    IsSlow,
    Answers503,
    RefusesCalls,
}

impl Fault {
    fn name(self) -> &'static str {
        match self {
            Self::RefusesConnections => "refuses connections",
            Self::IsSlow => "is 20 times slower",
            Self::Answers503 => "answers HTTP 503 at once",
            Self::RefusesCalls => "refuses calls at once, with -32092",
        }
    }
}

/// How a client chooses: its balancer, and whether it has circuit breakers.
#[derive(Clone, Copy)]
struct Policy {
    balance: fn() -> Balance,
    has_breakers: bool,
}

const POLICIES: [Policy; 6] = [
    Policy { balance: Balance::round_robin, has_breakers: false },
    Policy { balance: Balance::round_robin, has_breakers: true },
    Policy { balance: Balance::least_requests, has_breakers: false },
    Policy { balance: Balance::least_requests, has_breakers: true },
    Policy { balance: Balance::peak_ewma, has_breakers: false },
    Policy { balance: Balance::peak_ewma, has_breakers: true },
];

const HEAD: &str = "| the third server | `round_robin` | with breakers | `least_requests` | with breakers | `peak_ewma` | with \
                    breakers |\n|---|---|---|---|---|---|---|\n";

impl Policy {
    fn builder(self) -> ClientBuilder {
        let breaker = self.has_breakers.then(CircuitBreaker::default);
        // The budget is not the subject, and its pace would prolong the test.
        let budget = RetryBudget::unlimited();
        Client::builder().balance((self.balance)()).circuit_breaker(breaker).retry_budget(budget)
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, with breakers: {}", (self.balance)(), self.has_breakers)
    }
}

/// A share of the calls, as a cell of the tables says it.
#[derive(Clone, Copy)]
enum Share {
    Third,
    OverQuarter,
    UnderFifth,
    UnderTenth,
}

impl Share {
    fn includes(self, count: u32) -> bool {
        let share = f64::from(count) / f64::from(CALLS);
        match self {
            Self::Third => (0.3..0.37).contains(&share),
            Self::OverQuarter => share > 0.25,
            Self::UnderFifth => share < 0.2,
            Self::UnderTenth => share < 0.1,
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Third => "33 %",
            Self::OverQuarter => "> 25 %",
            Self::UnderFifth => "< 20 %",
            Self::UnderTenth => "< 10 %",
        })
    }
}

type Rows = &'static [(Fault, [Share; POLICIES.len()])];

/// The share of calls that the client tries at the third server, with retries.
const TRIED: Rows = {
    use Share::{OverQuarter as Many, Third, UnderFifth, UnderTenth as Few};
    &[
        (Fault::RefusesConnections, [Many, Few, Many, Few, Few, Few]),
        (Fault::IsSlow, [Third, Third, UnderFifth, UnderFifth, Few, Few]),
        (Fault::Answers503, [Many, Few, Many, Few, Few, Few]),
        (Fault::RefusesCalls, [Many, Few, Many, Few, Few, Few]),
    ]
};

/// The share of calls that fail, without retries.
const FAILED: Rows = {
    use Share::{OverQuarter as Many, Third, UnderTenth as Few};
    &[(Fault::Answers503, [Third, Few, Many, Few, Few, Few]), (Fault::RefusesCalls, [Third, Few, Many, Few, Few, Few])]
};

/// What a client's calls met.
#[derive(Debug)]
struct Counts {
    failed: u32,
    /// The attempts at the third server.
    tried: u32,
}

fn server(time: Duration) -> Server {
    let no_delay = Limits::default().shutdown_delay(Duration::ZERO);
    Server::builder().limits(no_delay).method("look", move || sleep(time)).build()
}

/// Serves prepared answers until the test ends.
async fn peer(answer: fn(&Received) -> Vec<u8>) -> SocketAddr {
    Peer::start(move |call| Answer::Bytes(answer(call))).await.addr().parse().unwrap()
}

/// Binds a socket that does not listen. It refuses connections, and no other program can get its port.
fn reserve(addr: SocketAddr) -> TcpSocket {
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(addr).unwrap();
    socket
}

/// Makes all calls of a cell.
async fn measure(fault: Fault, policy: Policy, retry: Retry) -> Counts {
    let reserved = reserve("127.0.0.1:0".parse().unwrap());
    let third = match fault {
        Fault::RefusesConnections => reserved.local_addr().unwrap(),
        Fault::IsSlow => serve(&server(SERVICE_TIME * 20)).await,
        Fault::Answers503 => peer(|_| http("503 Service Unavailable", &[], "")).await,
        Fault::RefusesCalls => peer(|call| http("200 OK", &["rpc-refused: all"], &error(&call.id(), -32092, ""))).await,
    };
    let healthy = server(SERVICE_TIME);
    let addrs = [serve(&healthy).await, serve(&healthy).await, third];
    let tried = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&tried);
    let client = policy.builder().retry(retry).endpoints(addrs.map(|addr| format!("http://{addr}")));
    let client = client.on_attempt(move |event| {
        let is_third = event.attempt.endpoint.as_ref().is_some_and(|endpoint| endpoint.port == third.port());
        count.fetch_add(u32::from(is_third), Ordering::Relaxed);
    });
    let client = client.build().unwrap();
    let call = || async {
        let mut failed = 0;
        for _ in 0..CALLS / CALLERS {
            failed += u32::from(client.call::<()>("look", ()).readonly().await.is_err());
        }
        failed
    };
    let failed = join_all((0..CALLERS).map(|_| call())).await.into_iter().sum();
    Counts { failed, tried: tried.load(Ordering::Relaxed) }
}

/// Asserts all cells. Returns the table.
async fn table(rows: Rows, retry: Retry, of: fn(&Counts) -> u32) -> String {
    let cells = rows.iter().flat_map(|(fault, shares)| {
        POLICIES.iter().zip(shares).map(move |(policy, share)| async move {
            let mut measured = Vec::new();
            while measured.len() < RUNS {
                let counts = measure(*fault, *policy, retry).await;
                assert!(counts.failed == 0 || retry == Retry::never(), "calls failed: {fault:?} {policy:?} {counts:?}");
                if share.includes(of(&counts)) {
                    return;
                }
                measured.push(counts);
            }
            panic!("not {share} of {CALLS} calls: {fault:?} {policy:?} {measured:?}");
        })
    });
    stream::iter(cells).buffer_unordered(CELLS).collect::<()>().await;
    let mut table = String::from(HEAD);
    for (fault, shares) in rows {
        writeln!(table, "| {} | {} |", fault.name(), shares.map(|share| share.to_string()).join(" | ")).unwrap();
    }
    table
}

/// Compares a table with the document, or writes it there.
fn compare(name: &str, table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/endpoints.md");
    let document = std::fs::read_to_string(&path).unwrap();
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->\n"));
    let start = document.find(&begin).expect("the table's begin is marked") + begin.len();
    let stop = document.find(&end).expect("the table's end is marked");
    if std::env::var_os("BLESS").is_some() {
        std::fs::write(&path, format!("{}{table}{}", &document[..start], &document[stop..])).unwrap();
        return;
    }
    assert_eq!(&document[start..stop], table, "docs/endpoints.md says otherwise (BLESS=1 rewrites it)");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_document_says_what_clients_notice_of_a_server_that_misbehaves() {
    compare("tried", &table(TRIED, Retry::default(), |counts| counts.tried).await);
    compare("failed", &table(FAILED, Retry::never(), |counts| counts.failed).await);
}

/// Restarts the third server. Returns once the client uses it again.
async fn restart(policy: Policy) {
    let healthy = server(SERVICE_TIME);
    let third = healthy.bind("127.0.0.1:0").await.unwrap().spawn();
    let addr = third.local_addr();
    let addrs = [serve(&healthy).await, serve(&healthy).await, addr];
    let (answered, failed) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let counts = (Arc::clone(&answered), Arc::clone(&failed));
    let client = policy.builder().endpoints(addrs.map(|addr| format!("http://{addr}")));
    let client = client.on_attempt(move |event| {
        if event.attempt.endpoint.as_ref().is_some_and(|endpoint| endpoint.port == addr.port()) {
            let count = if event.attempt.error.is_some() { &counts.1 } else { &counts.0 };
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    let client = client.build().unwrap();
    let call_until = async |count: &AtomicU32, wanted| {
        let mut calls = 0;
        while calls < 50 || count.load(Ordering::Relaxed) < wanted {
            client.call::<()>("look", ()).readonly().await.unwrap();
            calls += 1;
        }
    };
    call_until(&answered, 1).await;
    third.shutdown().await;
    let reserved = reserve(addr);
    call_until(&failed, 1).await;
    let _third = healthy.on(reserved.listen(16).unwrap()).unwrap().spawn();
    let wanted = answered.load(Ordering::Relaxed) + 10;
    call_until(&answered, wanted).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn restart_of_a_server_fails_no_call_and_the_client_uses_it_again() {
    let restarts = POLICIES.iter().map(|policy| restart(*policy));
    timeout(TEST_TIMEOUT, join_all(restarts)).await.expect("each client uses the server again");
}
