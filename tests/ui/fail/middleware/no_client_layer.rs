//! Arguments of a client's `layer`, `attempt_layer` and `credentials` that have the wrong type.

use rpc::client_middleware::{Next, Request, Response, from_fn};
use rpc::{Client, Failure};

async fn whole(request: Request, next: Next) -> Result<Response, Failure> {
    next.run(request).await
}

fn main() {
    let _ = Client::builder().layer(5);
    let _ = Client::builder().layer(whole);
    // A layer for deliveries cannot be a layer for attempts.
    let _ = Client::builder().attempt_layer(from_fn(whole));
    let _ = Client::builder().credentials("token");
}
