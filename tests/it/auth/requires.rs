//! Requirements of methods on their callers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rpc::{Client, Describe, ErrorKind, Outcome, Server};
use serde_json::{Value, json};
use support::{clients_of, serve};

use super::{ask, bearer};

#[rpc::service(namespace = "vault")]
trait Vault {
    fn open(&self) -> u32;

    #[rpc(requires)]
    fn members(&self) -> u32;

    #[rpc(readonly, requires = "admin")]
    fn admins(&self) -> u32;

    #[rpc(requires = "admin", requires = "owner")]
    async fn owners(&self) -> u32;
}

#[rpc::service(namespace = "cellar", requires)]
trait Cellar {
    fn enter(&self) -> u32;

    #[rpc(requires = "admin")]
    fn drink(&self) -> u32;
}

#[rpc::service(namespace = "attic", requires = "admin", requires = "tall")]
trait Attic {
    #[rpc(requires = "admin", requires = "brave")]
    fn enter(&self) -> u32;
}

/// Counts the runs of a handler.
#[derive(Clone, Default)]
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn run(&self) -> u32 {
        self.0.fetch_add(1, Ordering::Relaxed);
        1
    }

    fn runs(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Vault for Counted {
    fn open(&self) -> u32 {
        self.run()
    }

    fn members(&self) -> u32 {
        self.run()
    }

    fn admins(&self) -> u32 {
        self.run()
    }

    async fn owners(&self) -> u32 {
        self.run()
    }
}

impl Cellar for Counted {
    fn enter(&self) -> u32 {
        self.run()
    }

    fn drink(&self) -> u32 {
        self.run()
    }
}

fn server() -> (Server, Counted) {
    let counted = Counted::default();
    let server = Server::builder()
        .authenticate(bearer())
        .service(VaultServer::new(counted.clone()))
        .service(CellarServer::new(counted.clone()))
        .build();
    (server, counted)
}

/// Returns the header of a caller.
fn of(who: &str) -> String {
    format!("Bearer {who}'s")
}

#[test]
fn the_description_says_what_a_method_requires() {
    let requires =
        |spec: &'static rpc::ServiceSpec| spec.methods.iter().map(|method| method.requires).collect::<Vec<_>>();
    let vault = requires(<VaultClient as Describe>::SPEC);
    assert_eq!(vault, [None, Some(&[][..]), Some(&["admin"]), Some(&["admin", "owner"])]);
    assert_eq!(requires(<CellarClient as Describe>::SPEC), [Some(&[][..]), Some(&["admin"])]);
    assert_eq!(requires(<AtticClient as Describe>::SPEC), [Some(&["admin", "tall", "brave"][..])]);
}

#[tokio::test]
async fn callers_may_call_what_they_fulfil_and_nothing_else_runs() {
    let (server, counted) = server();
    let methods = ["vault.open", "vault.members", "vault.admins", "vault.owners", "cellar.enter", "cellar.drink"];
    let (may, authenticate, authorize) = (None, Some(ErrorKind::Authentication), Some(ErrorKind::Authorization));
    for (who, expected) in [
        ("", [may, authenticate, authenticate, authenticate, authenticate, authenticate]),
        ("bob", [may, may, authorize, authorize, may, authorize]),
        ("ada", [may, may, may, authorize, may, may]),
    ] {
        for (way, client) in clients_of(&server).await {
            for (method, expected) in methods.iter().zip(expected) {
                let before = counted.runs();
                let call = client.call::<u32>(*method, ());
                let call = if who.is_empty() { call } else { call.header("authorization", of(who)) };
                let error = call.await.err();
                assert_eq!(error.as_ref().map(rpc::Error::kind), expected, "{way}: {who} {method}");
                assert_eq!(counted.runs() - before, usize::from(expected.is_none()), "{way}: {who} {method}");
                if let Some(error) = error {
                    assert_eq!((error.outcome(), error.attempts().len()), (Outcome::Refused, 1), "{way}");
                }
            }
        }
    }
}

#[tokio::test]
async fn each_entry_of_a_batch_is_checked_by_itself() {
    let (server, counted) = server();
    for (way, client) in clients_of(&server).await {
        let vault = VaultClient::new(client.clone());
        let before = counted.runs();
        let batch = client.batch((vault.open(), vault.members(), vault.admins(), vault.owners()));
        let (open, members, admins, owners) = batch.header("authorization", of("bob")).await.unwrap();
        assert_eq!((open.unwrap(), members.unwrap()), (1, 1), "{way}");
        for error in [admins.unwrap_err(), owners.unwrap_err()] {
            assert_eq!((error.kind(), error.outcome()), (ErrorKind::Authorization, Outcome::Refused), "{way}");
        }
        assert_eq!(counted.runs() - before, 2, "{way}");
    }
}

#[tokio::test]
async fn the_error_of_a_refused_call_shows_what_the_method_requires() {
    let (server, _) = server();
    for (way, client) in clients_of(&server).await {
        let vault = VaultClient::new(client.clone());
        let nobody = vault.members().await.unwrap_err();
        assert_eq!(nobody.to_string(), "server gave up on the call: Unauthenticated (code -32098)", "{way}");
        let refused = vault.owners().header("authorization", of("bob")).await.unwrap_err();
        let shown = "server gave up on the call: Forbidden (code -32098): requires admin, owner";
        assert_eq!(refused.to_string(), shown, "{way}");
        assert_eq!(refused.attempts()[0].error.as_ref().unwrap().message, refused.to_string(), "{way}");
        let batch = client.batch((vault.admins(),)).header("authorization", of("bob")).await.unwrap();
        let shown = "server gave up on the call: Forbidden (code -32098): requires admin";
        assert_eq!(batch.0.unwrap_err().to_string(), shown, "{way}");
    }
}

#[tokio::test]
async fn over_http_one_call_has_a_status_of_its_own_and_a_batch_names_its_entries() {
    let (server, _) = server();
    let bob = [("authorization", "Bearer bob's")];
    let admins = r#"{"jsonrpc":"2.0","method":"vault.admins","id":1}"#;
    let nobody = ask(&server, &[], admins).await;
    assert_eq!((nobody.status, nobody.header("www-authenticate")), (401, Some("Bearer")));
    let forbidden = ask(&server, &bob, admins).await;
    assert_eq!((forbidden.status, forbidden.header("www-authenticate")), (403, None));
    assert_eq!((forbidden.header("rpc-refused"), forbidden.header("rpc-retry")), (Some("all"), Some("no")));
    let error = r#"{"code":-32098,"message":"Forbidden","data":{"reason":"forbidden","requires":["admin"]}}"#;
    assert_eq!(forbidden.text(), format!(r#"{{"jsonrpc":"2.0","error":{error},"id":1}}"#));

    let open = r#"{"jsonrpc":"2.0","method":"vault.open","id":2}"#;
    let batch = ask(&server, &bob, &format!("[{open},{admins}]")).await;
    assert_eq!((batch.status, batch.header("rpc-status")), (200, Some("1")));
    assert_eq!((batch.header("rpc-refused"), batch.header("rpc-retry")), (Some("1"), None));
}

#[tokio::test]
async fn a_notification_that_is_not_allowed_does_not_run_and_has_no_body() {
    let (server, counted) = server();
    let reply =
        ask(&server, &[("authorization", "Bearer bob's")], r#"{"jsonrpc":"2.0","method":"vault.admins"}"#).await;
    assert_eq!((reply.status, reply.text(), reply.header("rpc-status")), (403, "", Some("-32098")));
    for (way, client) in clients_of(&server).await {
        let vault = VaultClient::new(client.clone());
        let notified = vault.admins().header("authorization", of("bob")).notify().await;
        // Only HTTP answers a notification.
        if !matches!(way, "in process" | "WebSocket") {
            assert_eq!(notified.unwrap_err().kind(), ErrorKind::Authorization, "{way}");
        }
    }
    assert_eq!(counted.runs(), 0);
}

#[tokio::test]
async fn without_an_authentication_nobody_is_known() {
    let server = Server::builder().service(VaultServer::new(Counted::default())).build();
    let vault = VaultClient::new(Client::in_process(&server));
    assert_eq!(vault.open().await.unwrap(), 1);
    assert_eq!(vault.members().await.unwrap_err().kind(), ErrorKind::Authentication);
}

#[tokio::test]
async fn a_kept_answer_is_not_given_to_whoever_may_no_longer_call() {
    let roles = Arc::new(std::sync::Mutex::new("admin"));
    let granted = Arc::clone(&roles);
    let server = Server::builder()
        .authenticate(move |_: Arc<rpc::RequestContext>| {
            let role = *granted.lock().unwrap();
            async move { Ok(Some(rpc::Principal::new("ada").with_role(role))) }
        })
        .service(CellarServer::new(Counted::default()))
        .build();
    let client = Client::new(format!("http://{}", serve(&server).await)).unwrap();
    let key = uuid::Uuid::now_v7();
    let drink = || client.call::<Value>("cellar.drink", ()).idempotency_key(key);
    assert_eq!(drink().await.unwrap(), json!(1));
    *roles.lock().unwrap() = "guest";
    assert_eq!(drink().await.unwrap_err().kind(), ErrorKind::Authorization);
}
