//! The readiness of a server, as probes read it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use rpc::health::{CheckState, Health, Status};
use rpc::{Client, Server};
use serde_json::{Value, json};
use support::raw_http::{Connection, request};
use support::{clients_of, serve, serve_app};
use tokio::sync::{Semaphore, oneshot};

fn failing(health: Health) -> Health {
    health.check("queue", || async { Err::<(), _>("the password is sesame") })
}

async fn get(connection: &mut Connection, path: &str) -> (u16, Value) {
    connection.send(&request(&format!("GET {path} HTTP/1.1"), &[("host", "localhost")], b"")).await;
    let reply = connection.reply().await;
    assert_eq!(reply.header("content-type"), Some("application/json"), "{reply:?}");
    assert_eq!(reply.header("cache-control"), Some("no-store"));
    (reply.status, reply.json())
}

#[tokio::test]
async fn a_server_without_checks_lives_and_is_ready() {
    let server = Server::builder().health(Health::new()).build();
    let mut connection = Connection::open(serve(&server).await).await;
    assert_eq!(get(&mut connection, "/health/live").await, (200, json!({ "status": "live" })));
    assert_eq!(get(&mut connection, "/health/ready").await, (200, json!({ "status": "ready", "checks": {} })));
}

#[tokio::test]
async fn a_check_that_fails_makes_the_server_unready_and_does_not_show_why() {
    let health = failing(Health::new()).check("database", || async { Ok::<_, String>(()) });
    let server = Server::builder().health(health).build();
    let mut connection = Connection::open(serve(&server).await).await;
    let expected = json!({ "status": "unready", "checks": { "database": "ok", "queue": "failed" } });
    assert_eq!(get(&mut connection, "/health/ready").await, (503, expected.clone()));
    assert_eq!(get(&mut connection, "/health/live").await.0, 200);
    for (way, client) in clients_of(&server).await {
        assert_eq!(client.call::<Value>("rpc.health", ()).await.unwrap(), expected, "{way}");
    }
}

#[tokio::test]
async fn an_application_shows_the_health_below_where_the_server_is_nested() {
    let server = Server::builder().health(failing(Health::new())).build();
    let addr = serve_app(Router::new().nest("/rpc", server.into_router())).await;
    let mut connection = Connection::open(addr).await;
    assert_eq!(get(&mut connection, "/rpc/health/live").await.0, 200);
    assert_eq!(get(&mut connection, "/rpc/health/ready").await.0, 503);
}

#[tokio::test]
async fn services_register_checks_and_say_whether_they_are_ready_while_the_server_runs() {
    let health = Health::new();
    let server = Server::builder().health(health.clone()).build();
    let client = Client::in_process(&server);
    let status = async || client.call::<Value>("rpc.health", ()).await.unwrap()["status"].clone();
    assert_eq!(status().await, "ready");
    health.register("cache", Duration::from_secs(1), || async { Err::<(), _>("cold") });
    assert_eq!(status().await, "unready");
    assert!(health.unregister("cache") && !health.unregister("cache"));
    assert_eq!(status().await, "ready");
    health.set_ready(false);
    assert_eq!(status().await, "unready");
    health.set_ready(true);
    assert_eq!(status().await, "ready");
}

#[tokio::test(start_paused = true)]
async fn a_check_has_a_second_or_the_time_that_it_was_given() {
    let hangs = std::future::pending::<Result<(), String>>;
    let health = Health::new().check("default", hangs);
    health.register("own", Duration::from_secs(5), hangs);
    let start = tokio::time::Instant::now();
    let report = health.report().await;
    assert_eq!(start.elapsed(), Duration::from_secs(5), "they run at a time");
    assert_eq!(report.status, Status::Unready);
    assert!(report.checks.values().all(|state| *state == CheckState::Timeout), "{report:?}");
}

#[tokio::test]
async fn a_check_that_panics_is_one_that_fails() {
    let health = Health::new()
        .check("later", || async { if true { panic!("at night") } else { Ok::<_, String>(()) } })
        .check("at once", || if true { panic!("at once") } else { std::future::ready(Ok::<_, String>(())) });
    let report = health.report().await;
    assert!(report.checks.values().all(|state| *state == CheckState::Failed), "{report:?}");
    assert_eq!(report.checks.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn probes_share_what_a_run_of_the_checks_finds_for_a_second() {
    let runs = Arc::new(AtomicUsize::new(0));
    let gate = Arc::new(Semaphore::new(0));
    let (counted, opened) = (Arc::clone(&runs), Arc::clone(&gate));
    let health = Health::new().check("gate", move || {
        let (counted, opened) = (Arc::clone(&counted), Arc::clone(&opened));
        async move {
            counted.fetch_add(1, Ordering::Relaxed);
            opened.acquire().await.map(drop)
        }
    });
    let probes = (0..10).map(|_| health.report());
    let (reports, ()) = tokio::join!(futures_util::future::join_all(probes), async { gate.add_permits(1) });
    assert!(reports.iter().all(|report| report.status == Status::Ready));
    assert_eq!(runs.load(Ordering::Relaxed), 1);
    tokio::time::advance(Duration::from_secs(1)).await;
    health.report().await;
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_probe_that_gives_up_leaves_its_run_to_the_next_one() {
    let gate = Arc::new(Semaphore::new(0));
    let runs = Arc::new(AtomicUsize::new(0));
    let (opened, counted) = (Arc::clone(&gate), Arc::clone(&runs));
    let health = Health::new().check("gate", move || {
        let opened = Arc::clone(&opened);
        counted.fetch_add(1, Ordering::Relaxed);
        async move { opened.acquire().await.map(drop) }
    });
    assert!(futures_util::FutureExt::now_or_never(health.report()).is_none());
    gate.add_permits(1);
    assert_eq!(health.report().await.status, Status::Ready);
    assert_eq!(runs.load(Ordering::Relaxed), 1);
}

#[tokio::test(start_paused = true)]
async fn a_check_that_hangs_runs_once_for_all_who_wait_for_it() {
    let runs = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&runs);
    let health = Health::new().check("hangs", move || {
        counted.fetch_add(1, Ordering::Relaxed);
        std::future::pending::<Result<(), String>>()
    });
    let start = tokio::time::Instant::now();
    let reports = futures_util::future::join_all((0..10).map(|_| health.report())).await;
    assert!(reports.iter().all(|report| report.status == Status::Unready));
    assert_eq!((runs.load(Ordering::Relaxed), start.elapsed()), (1, Duration::from_secs(1)));
}

#[tokio::test]
async fn a_server_that_drains_is_not_ready() {
    let (begun, has_begun) = oneshot::channel();
    let (finish, finished) = oneshot::channel::<()>();
    let waits = std::sync::Mutex::new(Some((begun, finished)));
    let server = Server::builder()
        .health(Health::new())
        .method("wait", move || {
            let (begun, finished) = waits.lock().unwrap().take().unwrap();
            async move {
                begun.send(()).unwrap();
                finished.await.unwrap();
            }
        })
        .build();
    let bound = server.bind("127.0.0.1:0").await.unwrap();
    let over_http = Client::new(format!("http://{}", bound.local_addr())).unwrap();
    let serving = bound.spawn();
    let call = tokio::spawn(async move { over_http.call::<()>("wait", ()).await });
    has_begun.await.unwrap();
    let client = Client::in_process(&server);
    let status = async || client.call::<Value>("rpc.health", ()).await.unwrap()["status"].clone();
    assert_eq!(status().await, "ready");
    let ending = tokio::spawn(serving.shutdown());
    while status().await != "draining" {
        tokio::task::yield_now().await;
    }
    finish.send(()).unwrap();
    call.await.unwrap().unwrap();
    ending.await.unwrap();
}

#[test]
#[should_panic(expected = "reserved")]
fn the_name_of_the_servers_own_method_cannot_be_taken() {
    Server::builder().health(Health::new()).method("rpc.health", || async {}).build();
}
