//! Fetches access tokens that expire and can be revoked. All calls share one token.
//!
//! Run with: cargo run --example credentials

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rpc::auth::Denied;
use rpc::{Client, Context, Credential, Principal, RequestContext, Server};

/// An authority that issues tokens. Only the last token is valid.
#[derive(Clone, Default)]
struct Authority(Arc<AtomicU32>);

impl Authority {
    /// Issues a token. Over a network, this would be a request for an access token.
    async fn issue(&self) -> Result<String, std::io::Error> {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let number = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        println!("the authority issues token {number}");
        Ok(format!("token-{number}"))
    }

    /// Revokes all tokens.
    fn revoke(&self) {
        self.0.fetch_add(100, Ordering::Relaxed);
    }

    fn check(&self, request: &RequestContext) -> Result<Option<Principal>, Denied> {
        let good = format!("Bearer token-{}", self.0.load(Ordering::Relaxed));
        match request.headers.get("authorization") {
            Some(header) if header.as_bytes() == good.as_bytes() => Ok(Some(Principal::new("ada"))),
            Some(_) => Err(Denied::unauthenticated("token is not valid any longer")),
            None => Ok(None),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let authority = Authority::default();
    let checks = authority.clone();
    let server = Server::builder()
        .method("whoami", |cx: Context| async move {
            cx.response_header("x-served-by", "one").expect("the header can be set");
            cx.principal().map(|principal| principal.subject().to_owned())
        })
        .authenticate(move |request: Arc<RequestContext>| {
            let authority = checks.clone();
            async move { authority.check(&request) }
        })
        .build();
    let server = server.bind("127.0.0.1:0").await?.spawn();

    let issues = authority.clone();
    let client = Client::builder()
        .endpoint(format!("http://{}", server.local_addr()))
        .credentials(move || {
            let authority = issues.clone();
            async move {
                let token = authority.issue().await?;
                Ok::<_, std::io::Error>(Credential::bearer(token).expires_in(Duration::from_secs(3590)))
            }
        })
        .build()?;
    let whoami = || client.call::<Option<String>>("whoami", ());

    // All calls of the batch, and later ones, share the first token.
    let (one, two) = client.batch((whoami(), whoami())).await?;
    println!("the server knows {:?} and {:?}", one?, two?);

    // The server rejects the revoked token before it runs the call. The client fetches a new token and sends the call
    // once more.
    authority.revoke();
    let answer = whoami().with_meta().await?;
    println!("the server knows {:?} again, served by {:?}", answer.value, answer.headers().get("x-served-by"));
    server.shutdown().await;
    Ok(())
}
