//! Arguments of a server's `layer` that are no layers.

use rpc::middleware::{Next, Request, Response, from_fn};

async fn half(request: Request) -> Response {
    Response::result(request.method())
}

async fn whole(request: Request, next: Next) -> Response {
    next.run(request).await
}

async fn text(_: Request, _: Next) -> String {
    String::new()
}

fn main() {
    rpc::Server::builder().layer(5);
    rpc::Server::builder().layer(whole);
    rpc::Server::builder().layer(from_fn(half));
    rpc::Server::builder().layer(from_fn(text));
}
