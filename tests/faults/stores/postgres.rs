//! What one process sees of a real database.

use std::time::Duration;

use rpc::idempotency::{Begin, BeginRequest, End, Kept, PostgresStore, Store, suite};
use support::postgres::Postgres;
use tokio_postgres::NoTls;

use crate::stores::proxy::Proxy;
use crate::stores::{LEASE, SAME, TEST_TIMEOUT, begin, key};

/// Opens a connection that does not belong to the store.
async fn client(postgres: &Postgres) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(&postgres.config(), NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

#[tokio::test(flavor = "multi_thread")]
async fn postgres_passes_the_suite() {
    let Some(postgres) = Postgres::start("postgres_passes_the_suite") else { return };
    let open =
        || async { PostgresStore::builder().ttl(Duration::from_secs(2)).connect(&postgres.config()).await.unwrap() };
    suite::check(open).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_too_large_leaves_a_key_that_says_that_its_call_ran() {
    let name = "an_answer_that_is_too_large_leaves_a_key_that_says_that_its_call_ran";
    let Some(postgres) = Postgres::start(name) else { return };
    let store = PostgresStore::builder().max_answer_bytes(100).connect(&postgres.config()).await.unwrap();
    for (number, bytes) in [(1, 100), (2, 101)] {
        let Begin::Fresh(lease) = begin(&store, number).await else { panic!("{number} is not fresh") };
        let kept = Kept { code: None, outcome: vec![b'1'; bytes].into() };
        store.finish(lease, End::Kept(kept.clone())).await.unwrap();
        let expected = if bytes > 100 { Kept::without_answer() } else { kept };
        assert_eq!(begin(&store, number).await, Begin::Done(expected));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_who_make_the_tables_at_once_see_the_same_store() {
    let Some(postgres) = Postgres::start("all_who_make_the_tables_at_once_see_the_same_store") else { return };
    let config = postgres.config();
    let opens = (0..16).map(|_| {
        let config = config.clone();
        tokio::spawn(async move { PostgresStore::connect(&config).await.unwrap().info() })
    });
    let opens: Vec<_> = opens.collect();
    let mut infos = Vec::new();
    for open in opens {
        infos.push(open.await.unwrap());
    }
    assert!(infos.iter().all(|info| *info == infos[0]), "{infos:?}");

    let other = PostgresStore::builder().tables("public.Other").connect(&config).await.unwrap();
    assert_ne!(other.info().identity, infos[0].identity, "other tables are another store");
}

#[tokio::test(flavor = "multi_thread")]
async fn tables_that_were_dropped_are_another_store() {
    let Some(postgres) = Postgres::start("tables_that_were_dropped_are_another_store") else { return };
    let builder = PostgresStore::builder().connections(1);
    let store = builder.connect(&postgres.config()).await.unwrap();
    let old = store.info().identity;
    assert!(matches!(begin(&store, 1).await, Begin::Fresh(_)));
    client(&postgres).await.batch_execute("DROP TABLE rpc_idempotency_keys, rpc_idempotency_store").await.unwrap();
    // Another store creates the tables again while the only connection of the old store is still open.
    let other = PostgresStore::connect(&postgres.config()).await.unwrap();
    assert_ne!(other.info().identity, old);
    assert!(matches!(begin(&store, 1).await, Begin::Fresh(_)));
    assert_eq!(store.info(), other.info(), "who finds a key fresh sees the identity of the store that says so");
    assert_eq!(begin(&other, 1).await, Begin::Running);
}

/// The client's clock is ahead, as after the database's clock was set back.
#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_was_sent_in_the_future_is_remembered_from_then_on() {
    let Some(postgres) = Postgres::start("a_key_that_was_sent_in_the_future_is_remembered_from_then_on") else {
        return;
    };
    let client = client(&postgres).await;
    let ttl = Duration::from_secs(60);
    let store = PostgresStore::builder().ttl(ttl).connect(&postgres.config()).await.unwrap();
    let sent = store.now() + Duration::from_secs(50);
    assert!(matches!(store.begin(BeginRequest::new(key(1), SAME, LEASE).sent(Some(sent))).await, Ok(Begin::Fresh(_))));
    let expires = "SELECT extract(epoch FROM expires)::float8 FROM rpc_idempotency_keys";
    let expires: f64 = client.query_one(expires, &[]).await.unwrap().get(0);
    let expected = (sent + ttl + LEASE).as_secs_f64();
    assert!((expires - expected).abs() < 0.001, "{expires} instead of {expected}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_over_is_deleted_by_those_who_come_later() {
    let Some(postgres) = Postgres::start("what_is_over_is_deleted_by_those_who_come_later") else { return };
    let client = client(&postgres).await;
    let short = Duration::from_millis(1);
    let store = PostgresStore::builder().ttl(short).connect(&postgres.config()).await.unwrap();
    for number in 0..300 {
        assert!(matches!(store.begin(BeginRequest::new(key(number), SAME, short)).await, Ok(Begin::Fresh(_))));
    }
    let start = tokio::time::Instant::now();
    for number in 300.. {
        assert!(matches!(store.begin(BeginRequest::new(key(number), SAME, short)).await, Ok(Begin::Fresh(_))));
        let rows: i64 = client.query_one("SELECT count(*) FROM rpc_idempotency_keys", &[]).await.unwrap().get(0);
        if rows < 300 {
            break;
        }
        assert!(start.elapsed() < TEST_TIMEOUT, "{rows} rows are left");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_begin_whose_answer_is_lost_is_recognized() {
    let Some(postgres) = Postgres::start("a_begin_whose_answer_is_lost_is_recognized") else { return };
    let proxy = Proxy::start(&postgres);
    let builder = PostgresStore::builder().connections(1);
    let store = builder.connect(&Postgres::config_at(proxy.directory())).await.unwrap();
    // Nothing else must be in flight when the answer is lost: the very first `begin` deletes old rows.
    begin(&store, 0).await;
    let direct = PostgresStore::connect(&postgres.config()).await.unwrap();
    begin(&direct, 0).await;

    proxy.lose_next_answer();
    let Begin::Fresh(lease) = begin(&store, 1).await else { panic!("our own begin is not recognized") };
    assert_eq!(proxy.lost(), 1);
    assert_eq!(begin(&direct, 1).await, Begin::Running);
    let kept = Kept { code: None, outcome: "1".into() };
    proxy.lose_next_answer();
    store.finish(lease, End::Kept(kept.clone())).await.unwrap();
    assert_eq!(proxy.lost(), 2);
    assert_eq!(begin(&direct, 1).await, Begin::Done(kept));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_does_not_answer_is_waited_for_until_the_timeout() {
    let Some(postgres) = Postgres::start("a_database_that_does_not_answer_is_waited_for_until_the_timeout") else {
        return;
    };
    let timeout = Duration::from_millis(300);
    let store = PostgresStore::builder().timeout(timeout).connect(&postgres.config()).await.unwrap();
    let mut client = client(&postgres).await;
    let lock = client.transaction().await.unwrap();
    lock.batch_execute("LOCK TABLE rpc_idempotency_keys").await.unwrap();
    let start = tokio::time::Instant::now();
    let error = store.begin(BeginRequest::new(key(1), SAME, LEASE)).await.unwrap_err();
    assert!(!error.is_full());
    assert!((timeout * 9 / 10..TEST_TIMEOUT).contains(&start.elapsed()), "{:?}", start.elapsed());
    lock.rollback().await.unwrap();
    assert!(matches!(begin(&store, 2).await, Begin::Fresh(_)));
}

#[tokio::test]
async fn what_cannot_be_connected_to_is_an_error_without_the_password() {
    for config in ["nonsense", "host=/nowhere user=a password=secret", "host=127.0.0.1 port=1 user=a password=secret"] {
        let error = PostgresStore::connect(config).await.unwrap_err();
        assert!(!error.is_full());
        assert!(!format!("{error:?}").contains("secret"), "{error:?}");
    }
    let error = PostgresStore::builder().tables("a;b").connect("host=/nowhere user=a").await.unwrap_err();
    assert!(format!("{error:?}").contains("no name for tables"), "{error:?}");
}
