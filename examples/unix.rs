//! Serves on a Unix socket and calls the server there, as programs on one machine do. The server knows the user that
//! calls it.
//!
//! Run with: cargo run --example unix --features ipc

#[cfg(unix)]
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    use std::sync::Arc;

    use futures_util::stream;
    use rpc::{Client, Context, Denied, PeerCredentials, Principal, RequestContext, Server};

    let server = Server::builder()
        .method("whoami", |cx: Context| async move { cx.principal().map(|caller| caller.subject().to_owned()) })
        .stream("countdown", |(from,): (u32,)| async move { stream::iter((0..from).rev()) })
        .authenticate(|request: Arc<RequestContext>| async move {
            let peer = request.extensions.get::<PeerCredentials>().ok_or(Denied::unauthenticated("no Unix socket"))?;
            Ok(Some(Principal::new(format!("uid {}", peer.uid))))
        })
        .build();

    // A real server uses a directory that only its callers may enter, such as one below /run.
    let path = std::env::temp_dir().join(format!("rpc-example-{}.sock", std::process::id()));
    let server = server.bind_unix(&path).await?.spawn();

    let client = Client::connect(format!("unix:{}", path.display())).await?;
    println!("the server calls us {}", client.call::<String>("whoami", ()).await?);
    let mut countdown = client.stream::<u32>("countdown", (3,)).await?;
    while let Some(number) = countdown.next().await {
        println!("{}", number?);
    }

    drop((countdown, client));
    server.shutdown().await;
    println!("the socket file is gone: {}", !path.exists());
    Ok(())
}

#[cfg(not(unix))]
fn main() {
    println!("this example needs Unix sockets");
}
