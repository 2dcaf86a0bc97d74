//! What is no layer cannot stand around what a client sends.

use rpc::client_middleware::{Next, Request, Response, from_fn};
use rpc::{Client, Failure};

async fn whole(request: Request, next: Next) -> Result<Response, Failure> {
    next.run(request).await
}

fn main() {
    let _ = Client::builder().layer(5);
    let _ = Client::builder().layer(whole);
    // One for deliveries sees no attempts.
    let _ = Client::builder().attempt_layer(from_fn(whole));
    let _ = Client::builder().credentials("token");
}
