//! Several processes share a database, and some of them are killed.

use std::collections::BTreeMap;
use std::env;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use rpc::idempotency::{Begin, BeginRequest, PostgresStore, Store};
use support::child::{self, Child};
use support::postgres::Postgres;
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use crate::stores::{LEASE, SAME, TEST_TIMEOUT, begin, key};

/// How a child connects. Only a child has this variable.
const CONFIG: &str = "RPC_TEST_CHILD_CONFIG";
const CHILDREN: usize = 4;
const KEYS: u64 = 400;

/// The lease of the child that is killed.
const SHORT: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "is the child process of the test below, which starts it"]
async fn racing_child() {
    let Some(store) = connect().await else { return };
    child::say("ready");
    tokio::io::stdin().read_u8().await.unwrap();
    let begins = stream::iter(0..KEYS).map(|number| {
        let store = &store;
        async move { (number, begin(store, number).await) }
    });
    let mut begins = begins.buffered(32);
    while let Some((number, begin)) = begins.next().await {
        match begin {
            Begin::Fresh(_) => child::say(format_args!("fresh {number}")),
            Begin::Running => {}
            other => child::say(format_args!("wrong {number} {other:?}")),
        }
    }
    child::say("done");
}

#[tokio::test]
#[ignore = "is the child process of the test below, which kills it"]
async fn holding_child() {
    let Some(store) = connect().await else { return };
    let begin = store.begin(BeginRequest::new(key(0), SAME, SHORT)).await.unwrap();
    assert!(matches!(begin, Begin::Fresh(_)));
    child::say("holding");
    let _ = tokio::io::stdin().read_u8().await;
}

async fn connect() -> Option<PostgresStore> {
    Some(PostgresStore::connect(&env::var(CONFIG).ok()?).await.unwrap())
}

/// Starts one of the tests above as a child.
fn start(test: &str, postgres: &Postgres) -> Child {
    let mut command = child::command(module_path!(), test);
    command.env(CONFIG, postgres.config());
    Child::spawn(command)
}

#[tokio::test(flavor = "multi_thread")]
async fn of_processes_that_race_for_a_key_one_is_told_that_it_is_fresh() {
    let Some(postgres) = Postgres::start("of_processes_that_race_for_a_key_one_is_told_that_it_is_fresh") else {
        return;
    };
    let mut children: Vec<_> = (0..CHILDREN).map(|_| start("racing_child", &postgres)).collect();
    for child in &mut children {
        child.line("ready").await;
    }
    for child in &mut children {
        child.tell(b"1").await;
    }
    let mut fresh = BTreeMap::<u64, usize>::new();
    for child in &mut children {
        for line in child.lines_before("done").await {
            assert!(!line.starts_with("wrong"), "{line}");
            if let Some(number) = line.strip_prefix("fresh ") {
                *fresh.entry(number.parse().unwrap()).or_default() += 1;
            }
        }
    }
    assert_eq!(fresh, (0..KEYS).map(|number| (number, 1)).collect());
}

#[tokio::test]
async fn the_key_of_a_process_that_was_killed_is_unknown_after_its_lease() {
    let Some(postgres) = Postgres::start("the_key_of_a_process_that_was_killed_is_unknown_after_its_lease") else {
        return;
    };
    let store = PostgresStore::connect(&postgres.config()).await.unwrap();
    let mut child = start("holding_child", &postgres);
    child.line("holding").await;
    let held = Instant::now();
    child.kill().await;
    let mut was_running = false;
    loop {
        match store.begin(BeginRequest::new(key(0), SAME, LEASE)).await.unwrap() {
            Begin::Running => was_running = true,
            Begin::Unknown => break,
            other => panic!("{other:?}"),
        }
        assert!(held.elapsed() < TEST_TIMEOUT);
        store.settled(key(0), SHORT).await;
    }
    assert!(was_running || held.elapsed() >= SHORT, "a lease outlives its process");
    assert_eq!(begin(&store, 0).await, Begin::Unknown);
}
