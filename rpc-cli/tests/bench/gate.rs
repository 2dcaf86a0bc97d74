//! Methods that may change data run only if the user says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rpc::Server;
use rpc::openrpc::Info;

use super::{Counted, bench};
use crate::binary::rpc;

#[rpc::service]
trait Shop {
    #[rpc(readonly)]
    async fn count(&self, item: u64) -> u64;
    #[rpc(idempotent)]
    async fn set(&self, item: u64) -> u64;
    async fn sell(&self, item: u64) -> u64;
}

#[derive(Default)]
struct OneShop(Arc<AtomicU64>);

impl OneShop {
    fn called(&self, item: u64) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed);
        item
    }
}

impl Shop for OneShop {
    async fn count(&self, item: u64) -> u64 {
        self.called(item)
    }

    async fn set(&self, item: u64) -> u64 {
        self.called(item)
    }

    async fn sell(&self, item: u64) -> u64 {
        self.called(item)
    }
}

/// Starts a server with a description. Returns its address and the count of its calls.
async fn described() -> (String, Arc<AtomicU64>) {
    let shop = OneShop::default();
    let calls = Arc::clone(&shop.0);
    let server = Server::builder().service(ShopServer::new(shop)).openrpc(Info::new("Shop", "1.0.0")).build();
    (format!("http://{}", support::serve(&server).await), calls)
}

#[tokio::test]
async fn a_described_method_without_effect_runs() {
    let (url, calls) = described().await;
    // The params are typed by the same description.
    let (exit, report) = bench(&[&url, "count", "item=7", "--requests", "5"]).await;
    assert_eq!((exit, report["calls"].as_u64(), calls.load(Ordering::Relaxed)), (0, Some(5), 5));
}

#[tokio::test]
async fn other_methods_need_the_users_word() {
    let (url, calls) = described().await;
    for (method, why) in [
        (
            "set",
            "error: set may change data: its description says that it is idempotent. Add --yes to call it many times.",
        ),
        ("sell", "error: sell changes data with each call, as its description says. Add --yes to call it many times."),
    ] {
        let ended = rpc(&["bench", &url, method, "[7]"]).run().await;
        assert_eq!((ended.exit, ended.stderr.trim_end(), &*ended.stdout), (2, why, ""));
        assert_eq!(calls.load(Ordering::Relaxed), 0);
    }
    for method in ["set", "sell"] {
        let before = calls.load(Ordering::Relaxed);
        assert_eq!(bench(&[&url, method, "[7]", "--yes", "--requests", "5"]).await.0, 0);
        assert_eq!(calls.load(Ordering::Relaxed), before + 5);
    }
}

#[tokio::test]
async fn a_server_without_a_description_needs_the_users_word_for_all_methods() {
    let server = Counted::start().await;
    let ended = rpc(&["bench", &server.url, "take"]).run().await;
    let why = "error: it is not known whether take changes data, since no description says it. Add --yes to call it \
               many times, or --readonly if it changes nothing.";
    assert_eq!((ended.exit, ended.stderr.trim_end()), (2, why));
    assert_eq!(server.calls(), 0);
}

#[tokio::test]
async fn a_repeat_without_further_effect_still_needs_the_users_word() {
    let server = Counted::start().await;
    let (url, calls) = described().await;
    for (url, method) in [(&server.url, "take"), (&url, "count"), (&url, "set"), (&url, "sell")] {
        let ended = rpc(&["bench", url, method, "[7]", "--idempotent"]).run().await;
        let why = format!(
            "error: {method} may change data: --idempotent says only that a repeat has no further effect. Add --yes to \
             call it many times, or use --readonly instead if it changes nothing."
        );
        assert_eq!((ended.exit, ended.stderr.trim_end()), (2, &*why));
    }
    assert_eq!((server.calls(), calls.load(Ordering::Relaxed)), (0, 0));
    let args = [&*server.url, "take", "--idempotent", "--yes", "--requests", "3"];
    assert_eq!((bench(&args).await.0, server.calls()), (0, 3));
}

#[tokio::test]
async fn a_run_without_a_call_to_measure_is_refused() {
    let args = ["--readonly", "--rate", "0.5", "--for", "500ms", "--warmup", "1s"];
    let ended = rpc(&[&["bench", "http://127.0.0.1:1", "ping"], &args[..]].concat()).run().await;
    let why = "error: no call is due after the warm-up: at 0.5 calls/s the next one is due 2 s after the start, and the \
               run ends at 1.5 s. Raise --rate or --for, or leave --warmup off.";
    assert_eq!((ended.exit, ended.stderr.trim_end(), &*ended.stdout), (2, why, ""));
}

#[tokio::test]
async fn bad_arguments_are_refused() {
    for (args, why) in [
        (&["--rate", "0"][..], "a rate is more than 0 and at most 10000000"),
        (&["--rate", "fast"], "a rate is a number of calls per second, such as 5000 or 0.5"),
        (&["--rate", "5", "-c", "3"], "cannot be used with"),
        (&["-c", "0"], "1..=100000"),
        (&["--batch", "0"], "1..=100000"),
        (&["--for", "10"], "a time is a number with ms, s, m or h"),
        (&["[1"], "no JSON"),
    ] {
        let ended = rpc(&[&["bench", "http://127.0.0.1:1", "ping", "--readonly"], args].concat()).run().await;
        assert_eq!((ended.exit, &*ended.stdout), (2, ""), "{args:?}");
        assert!(ended.stderr.contains(why), "{args:?}: {}", ended.stderr);
    }
}
