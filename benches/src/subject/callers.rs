//! Concurrent callers that share one client: jsonrpsee's, or ours with and without coalescing.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, Instant};

use jsonrpsee::http_client::{HttpClient, HttpClientBuilder};
use rpc::{Client, Coalesce};

use super::dispatch::jsonrpsee::ApiClient as JsonrpseeApi;
use super::dispatch::ours::ApiClient;
use crate::Result;
use crate::process::own_cpu;
use crate::stats::quantile;

/// How callers send their calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Callers {
    /// By jsonrpsee's client, to jsonrpsee's server.
    Jsonrpsee,
    /// By our client, each call in a request of its own.
    Ours,
    /// By our client, which coalesces calls.
    Coalesced,
    /// By our client, with all calls in explicit batches of 64.
    Batches,
}

/// The number of calls in an explicit batch.
const BATCH: usize = 64;

/// What a run has measured.
pub(crate) struct Measured {
    /// The CPU time of the client for one call, in microseconds.
    pub(crate) cpu: f64,
    /// The median time that a caller waits for an answer, in microseconds.
    pub(crate) latency: f64,
}

impl Callers {
    pub(crate) const ALL: [Self; 4] = [Self::Jsonrpsee, Self::Ours, Self::Coalesced, Self::Batches];

    /// Returns its name in tables.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Jsonrpsee => "jsonrpsee",
            Self::Ours => "**ours**",
            Self::Coalesced => "**ours**, coalesced",
            Self::Batches => "**ours**, batches of 64",
        }
    }

    /// Returns the number of calls that `callers` callers make in all, with `calls` each. One task sends the batches.
    pub(crate) fn requested(self, callers: usize, calls: usize) -> usize {
        if self == Self::Batches { calls.div_ceil(BATCH) * BATCH } else { callers * calls }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Jsonrpsee => "jsonrpsee",
            Self::Ours => "ours",
            Self::Coalesced => "coalesced",
            Self::Batches => "batches",
        }
    }
}

impl fmt::Display for Callers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Callers {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|callers| callers.name() == name);
        found.ok_or_else(|| format!("{name} are no callers"))
    }
}

impl FromStr for Measured {
    type Err = Box<dyn std::error::Error + Send + Sync>;

    fn from_str(text: &str) -> Result<Self> {
        let (cpu, latency) = text.trim().split_once(' ').ok_or("the callers have printed no numbers")?;
        Ok(Self { cpu: cpu.parse()?, latency: latency.parse()? })
    }
}

/// Makes `calls` calls by each of `callers` tasks, and prints what was [`Measured`]. Every answer is checked.
pub(super) fn run(kind: Callers, callers: usize, calls: usize, url: &str) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let measured = runtime.block_on(async {
        // The first calls open the connections.
        all(kind, callers, calls / 10 + 1, url).await?;
        all(kind, callers, calls, url).await
    })?;
    println!("{} {}", measured.cpu, measured.latency);
    Ok(())
}

async fn all(kind: Callers, callers: usize, calls: usize, url: &str) -> Result<Measured> {
    let ours = match kind {
        Callers::Coalesced => Client::builder().endpoint(url).coalesce(Coalesce::default()).build()?,
        Callers::Jsonrpsee | Callers::Ours | Callers::Batches => Client::new(url)?,
    };
    let peer = HttpClientBuilder::default().build(url)?;
    let before = own_cpu()?;
    let caller = |_| {
        let (ours, peer) = (ours.clone(), peer.clone());
        tokio::spawn(async move {
            match kind {
                Callers::Jsonrpsee => jsonrpsee(peer, calls).await,
                Callers::Ours | Callers::Coalesced => single(ours, calls).await,
                Callers::Batches => batches(ours, calls).await,
            }
        })
    };
    let running: Vec<_> = match kind {
        Callers::Batches => vec![caller(0)],
        Callers::Jsonrpsee | Callers::Ours | Callers::Coalesced => (0..callers).map(caller).collect(),
    };
    let count = kind.requested(callers, calls);
    let mut times = Vec::with_capacity(count);
    for caller in running {
        times.extend(caller.await??);
    }
    let spent = own_cpu()? - before;
    let mut micros: Vec<f64> = times.iter().map(|time: &Duration| time.as_secs_f64() * 1e6).collect();
    micros.sort_by(f64::total_cmp);
    Ok(Measured { cpu: spent.as_secs_f64() * 1e6 / count as f64, latency: quantile(&micros, 0.5) })
}

async fn single(client: Client, calls: usize) -> Result<Vec<Duration>> {
    let api = ApiClient::new(client);
    let mut times = Vec::with_capacity(calls);
    for _ in 0..calls {
        let begin = Instant::now();
        check(api.subtract(42, 23).readonly().await?)?;
        times.push(begin.elapsed());
    }
    Ok(times)
}

async fn batches(client: Client, calls: usize) -> Result<Vec<Duration>> {
    let api = ApiClient::new(client.clone());
    let mut times = Vec::new();
    for _ in 0..calls.div_ceil(BATCH) {
        let begin = Instant::now();
        let batch: Vec<_> = (0..BATCH).map(|_| api.subtract(42, 23).readonly()).collect();
        for answer in client.batch(batch).await? {
            check(answer?)?;
        }
        times.push(begin.elapsed());
    }
    Ok(times)
}

async fn jsonrpsee(client: HttpClient, calls: usize) -> Result<Vec<Duration>> {
    let mut times = Vec::with_capacity(calls);
    for _ in 0..calls {
        let begin = Instant::now();
        check(JsonrpseeApi::subtract(&client, 42, 23).await?)?;
        times.push(begin.elapsed());
    }
    Ok(times)
}

fn check(difference: i64) -> Result<()> {
    if difference == 19 { Ok(()) } else { Err(format!("42 - 23 was answered with {difference}").into()) }
}
