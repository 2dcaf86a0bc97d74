//! A client that joins the calls of concurrent callers into batch requests.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc::client_middleware::{Next, from_fn};
use rpc::idempotency::MemoryStore;
use rpc::transport::Request;
use rpc::{Call, Client, ClientBuilder, Coalesce, Context, Endpoint, Limits, Outcome, Retry, Server};
use serde_json::Value;
use support::serve;
use tokio::sync::{Notify, mpsc};
use uuid::Uuid;

/// The requests that a client has sent.
#[derive(Clone, Default)]
struct Sent(Arc<Mutex<Vec<Value>>>);

impl Sent {
    /// Makes a client that keeps its requests here.
    fn client(&self, set: impl FnOnce(ClientBuilder) -> ClientBuilder) -> Client {
        let sent = Arc::clone(&self.0);
        let keep = from_fn(move |request: Request, next: Next<Request>| {
            // Probes have no body.
            if !request.body.is_empty() {
                sent.lock().unwrap().push(serde_json::from_slice(&request.body).unwrap());
            }
            next.run(request)
        });
        set(Client::builder().coalesce(Coalesce::default()).attempt_layer(keep)).build().unwrap()
    }

    fn take(&self) -> Vec<Value> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

fn doubling() -> Server {
    Server::builder().method("double", |(n,): (u64,)| async move { 2 * n }).build()
}

/// Makes calls by concurrent callers, each one after the other.
async fn by_callers(callers: u64, calls: u64, call: impl Fn(u64) -> Call<u64> + Clone + Send + 'static) {
    let caller = |number| {
        let call = call.clone();
        tokio::spawn(async move {
            for round in 0..calls {
                let n = number * calls + round;
                assert_eq!(call(n).await.unwrap(), 2 * n);
            }
        })
    };
    for caller in (0..callers).map(caller).collect::<Vec<_>>() {
        caller.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_callers_share_requests_and_each_gets_its_own_answer() {
    let url = format!("http://{}", serve(&doubling()).await);
    for (name, http2) in [("HTTP/1.1", false), ("HTTP/2", true)] {
        let sent = Sent::default();
        let client = sent.client(|builder| {
            let builder = builder.endpoint(&url);
            if http2 { builder.http2_prior_knowledge() } else { builder }
        });
        // The first calls of a method go alone.
        client.call::<u64>("double", [1]).await.unwrap();
        sent.take();
        let double = {
            let client = client.clone();
            move |n| if n % 2 == 0 { client.call("double", [n]) } else { client.call("double", [n]).readonly() }
        };
        by_callers(64, 50, double).await;
        let requests = sent.take();
        let calls: usize = requests.iter().map(|request| request.as_array().map_or(1, Vec::len)).sum();
        assert_eq!(calls, 64 * 50);
        assert!(requests.len() < calls / 3, "{name}: {} requests", requests.len());
    }
}

#[tokio::test]
async fn single_caller_sends_single_requests() {
    let sent = Sent::default();
    let url = format!("http://{}", serve(&doubling()).await);
    let client = sent.client(|builder| builder.endpoint(url));
    let caller = client.clone();
    by_callers(1, 50, move |n| caller.call("double", [n])).await;
    let requests = sent.take();
    assert_eq!(requests.len(), 50);
    assert!(requests.iter().all(Value::is_object));
}

#[tokio::test]
async fn long_polls_do_not_hold_the_call_that_ends_them() {
    let (events, gate) = (Arc::new(Notify::new()), Arc::new(AtomicU32::new(0)));
    let (notify, polls) = (Arc::clone(&events), Arc::clone(&gate));
    let server = Server::builder()
        .method("poll", move |(wait,): (bool,)| {
            let (events, polls) = (Arc::clone(&events), Arc::clone(&polls));
            async move {
                let event = events.notified();
                polls.fetch_add(1, Ordering::Relaxed);
                if wait {
                    event.await;
                }
                2
            }
        })
        .method("poke", move || {
            notify.notify_waiters();
            async { 2_u64 }
        })
        .build();
    let url = format!("http://{}", serve(&server).await);
    let client = Sent::default().client(|builder| builder.endpoint(url));
    // Both methods are fast so far.
    for _ in 0..10 {
        client.call::<u64>("poll", [false]).readonly().await.unwrap();
        client.call::<u64>("poke", ()).readonly().await.unwrap();
    }
    let before = gate.load(Ordering::Relaxed);
    let poll = || tokio::spawn(client.call::<u64>("poll", [true]).readonly().into_future());
    let waiting = [poll(), poll(), poll(), poll()];
    while gate.load(Ordering::Relaxed) < before + 4 {
        tokio::task::yield_now().await;
    }
    assert_eq!(client.call::<u64>("poke", ()).readonly().await.unwrap(), 2);
    for poll in waiting {
        assert_eq!(poll.await.unwrap().unwrap(), 2);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_with_equal_keys_share_no_request_and_run_once() {
    let runs = Arc::new(Mutex::new(HashMap::<u64, u32>::new()));
    let counted = Arc::clone(&runs);
    let server = Server::builder().idempotency_store(MemoryStore::new()).method("pay", move |(n,): (u64,)| {
        *counted.lock().unwrap().entry(n).or_default() += 1;
        async move { 2 * n }
    });
    let sent = Sent::default();
    let url = format!("http://{}", serve(&server.build()).await);
    let client = sent.client(|builder| builder.endpoint(url));
    // Four callers use the same keys.
    let caller = client.clone();
    let pay = move |n: u64| {
        let n = n % 100;
        caller.call::<u64>("pay", [n]).idempotency_key(Uuid::from_u128(u128::from(n) + 1))
    };
    let callers = (0..64).map(|number| {
        let pay = pay.clone();
        tokio::spawn(async move {
            for n in 0..20 {
                let n = number / 4 * 20 + n;
                assert_eq!(pay(n).await.unwrap(), 2 * (n % 100));
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    assert!(runs.lock().unwrap().values().all(|runs| *runs == 1));
    let requests = sent.take();
    let batches: Vec<_> = requests.iter().filter_map(Value::as_array).collect();
    assert!(!batches.is_empty());
    for batch in batches {
        let mut keys: Vec<_> = batch.iter().map(|call| call["id"].to_string()).collect();
        keys.sort_unstable();
        assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "{keys:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_with_different_headers_share_no_request() {
    let server = Server::builder().method("tenant", |(tenant,): (String,), cx: Context| async move {
        let header = cx.headers()["x-tenant"].to_str().unwrap();
        assert_eq!(header, tenant);
        tenant.len() as u64
    });
    let sent = Sent::default();
    let url = format!("http://{}", serve(&server.build()).await);
    let client = sent.client(|builder| builder.endpoint(url));
    let callers = (0..64_usize).map(|number| {
        let (client, tenant) = (client.clone(), ["a", "bb", "ccc"][number % 3]);
        tokio::spawn(async move {
            for _ in 0..20 {
                let call = client.call::<usize>("tenant", [tenant]).header("x-tenant", tenant).readonly();
                assert_eq!(call.await.unwrap(), tenant.len());
            }
        })
    });
    for caller in callers.collect::<Vec<_>>() {
        caller.await.unwrap();
    }
    let requests = sent.take();
    assert!(requests.len() < 64 * 20 / 2, "{} requests", requests.len());
    for batch in requests.iter().filter_map(Value::as_array) {
        assert!(batch.iter().all(|call| call["params"] == batch[0]["params"]), "{batch:?}");
    }
}

#[tokio::test]
async fn panic_of_a_handler_and_refusals_end_only_their_own_calls() {
    let server = Server::builder()
        .method("double", |(n,): (u64,)| async move {
            assert!(n % 7 != 0, "planted");
            2 * n
        })
        .limits(Limits::default().max_calls_in_flight(8))
        .build();
    let url = format!("http://{}", serve(&server).await);
    let client = Sent::default().client(|builder| builder.endpoint(url).retry(Retry::never()));
    let calls = (0..500_u64).map(|n| (n, tokio::spawn(client.call::<u64>("double", [n]).readonly().into_future())));
    let mut results = 0;
    for (n, call) in calls.collect::<Vec<_>>() {
        match call.await.unwrap() {
            Ok(result) => {
                assert_eq!(result, 2 * n);
                results += 1;
            }
            Err(error) if n % 7 == 0 && error.outcome() == Outcome::Executed => {}
            Err(error) => assert_eq!(error.outcome(), Outcome::Refused, "{error:?}"),
        }
    }
    assert!(results > 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_endpoints_and_layers_work_with_joined_calls() {
    let servers = [serve(&doubling()).await, serve(&doubling()).await];
    let sent = Sent::default();
    let layer = from_fn(|mut request: rpc::client_middleware::Request, next: Next| {
        request.headers_mut().insert("x-layer", "1".parse().unwrap());
        next.run(request)
    });
    let client = sent
        .client(|builder| builder.endpoints(servers.map(|addr| Endpoint::new(format!("http://{addr}")))).layer(layer));
    let caller = client.clone();
    by_callers(64, 30, move |n| caller.call("double", [n])).await;
    let pinned = client.pinned();
    by_callers(64, 30, move |n| pinned.call("double", [n])).await;
    assert!(sent.take().len() < 64 * 60 / 2);
    assert!(client.endpoints().iter().all(|endpoint| endpoint.pending() == 0));
}

/// Reports when its calls begin, and when they end or are dropped.
struct Holder {
    begun: mpsc::UnboundedSender<()>,
    ended: mpsc::UnboundedSender<()>,
}

#[rpc::service]
trait Hold {
    #[rpc(readonly)]
    async fn hold(&self, waits: bool);
}

impl Hold for Holder {
    async fn hold(&self, waits: bool) {
        struct Ends(mpsc::UnboundedSender<()>);
        impl Drop for Ends {
            fn drop(&mut self) {
                let _ = self.0.send(());
            }
        }
        let _ends = Ends(self.ended.clone());
        self.begun.send(()).unwrap();
        if waits {
            std::future::pending::<()>().await;
        }
    }
}

#[tokio::test]
async fn requests_are_cancelled_once_all_their_callers_have_gone() {
    let ((begun, mut begins), (ended, mut ends)) = (mpsc::unbounded_channel(), mpsc::unbounded_channel());
    let server = Server::builder().service(HoldServer::new(Holder { begun, ended })).build();
    let url = format!("http://{}", serve(&server).await);
    let sent = Sent::default();
    let client = sent.client(|builder| builder.endpoint(url).deadline(Duration::from_secs(600)));
    let api = HoldClient::new(client);
    api.hold(false).await.unwrap();
    let holds: Vec<_> = (0..20).map(|_| tokio::spawn(api.hold(true).into_future())).collect();
    for _ in 0..21 {
        begins.recv().await.unwrap();
    }
    holds.iter().for_each(tokio::task::JoinHandle::abort);
    for _ in 0..21 {
        ends.recv().await.unwrap();
    }
    assert!(sent.take().iter().any(Value::is_array), "calls were joined");
}
