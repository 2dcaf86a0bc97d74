//! Authenticates callers by bearer tokens. Methods require a principal or a role.
//!
//! Run with: cargo run --example auth

use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard};

use rpc::auth::Bearer;
use rpc::{Client, Context, ErrorKind, Failure, Principal, Server};

/// Announcements: everybody reads, members write, admins delete.
#[rpc::service(namespace = "board")]
trait Board {
    /// Reads all announcements.
    #[rpc(readonly)]
    async fn read(&self) -> Vec<String>;

    /// Adds an announcement under the caller's name.
    #[rpc(requires)]
    async fn write(&self, #[rpc(context)] cx: &Context, text: String);

    /// Deletes all announcements, and returns how many there were.
    #[rpc(idempotent, requires = "admin")]
    async fn clear(&self) -> usize;
}

#[derive(Default)]
struct InMemory(Mutex<Vec<String>>);

impl InMemory {
    fn lock(&self) -> MutexGuard<'_, Vec<String>> {
        self.0.lock().expect("nothing panics while it is locked")
    }
}

impl Board for InMemory {
    async fn read(&self) -> Vec<String> {
        self.lock().clone()
    }

    async fn write(&self, cx: &Context, text: String) {
        let who = cx.principal().expect("the method requires a principal").subject();
        self.lock().push(format!("{who}: {text}"));
    }

    async fn clear(&self) -> usize {
        std::mem::take(&mut *self.lock()).len()
    }
}

/// Builds a client that sends a token with every call.
fn client(addr: SocketAddr, token: &str) -> Result<Client, Failure> {
    Client::builder().endpoint(format!("http://{addr}")).header("authorization", format!("Bearer {token}")).build()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // For sessions, signed tokens or certificates, pass an async closure over the request instead.
    let tokens = Bearer::new()
        .token("ada-7c1f0e", Principal::new("ada").with_role("admin"))
        .token("bob-93d2aa", Principal::new("bob"));
    let server = Server::builder().authenticate(tokens).service(BoardServer::new(InMemory::default())).build();
    let server = server.bind("127.0.0.1:0").await?.spawn();
    let addr = server.local_addr();

    let anybody = BoardClient::new(Client::new(format!("http://{addr}"))?);
    let bob = BoardClient::new(client(addr, "bob-93d2aa")?);

    bob.write("The coffee machine is broken").await?;
    println!("anybody reads: {:?}", anybody.read().await?);

    let refused = anybody.write("Free money").await.expect_err("nobody is known");
    println!("anybody writes: {refused} ({:?})", refused.kind());
    assert_eq!(refused.kind(), ErrorKind::Authentication);

    let refused = bob.clear().await.expect_err("bob is no admin");
    println!("bob clears: {refused} ({:?})", refused.kind());
    assert_eq!(refused.kind(), ErrorKind::Authorization);

    let refused = BoardClient::new(client(addr, "guess")?).read().await.expect_err("nobody has this token");
    println!("a wrong token reads: {refused} ({:?})", refused.kind());
    assert_eq!(refused.kind(), ErrorKind::Authentication);

    // The server checks each entry of a batch separately.
    let client = client(addr, "ada-7c1f0e")?;
    let ada = BoardClient::new(client.clone());
    let (written, cleared) = client.batch((ada.write("Fixed it"), ada.clear())).await?;
    written?;
    println!("ada clears: {}", cleared?);
    server.shutdown().await;
    Ok(())
}
