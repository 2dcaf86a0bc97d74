//! Servers on free ports, and clients of them.

use std::net::SocketAddr;

use rpc::transport::ReqwestTransport;
use rpc::{Client, Retry, Server};
use tokio::net::{TcpListener, TcpSocket};

/// Serves on a free port until the test's runtime ends.
pub async fn serve(server: &Server) -> SocketAddr {
    server.bind("127.0.0.1:0").await.unwrap().spawn().local_addr()
}

/// Serves an axum application on a free port until the test's runtime ends.
pub async fn serve_app(app: axum::Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    addr
}

/// Serves, and returns a client of the server.
pub async fn client_of(server: &Server) -> Client {
    Client::new(format!("http://{}", serve(server).await)).unwrap()
}

/// Serves, and returns a client for each transport to the server, with its name.
pub async fn clients_of(server: &Server) -> [(&'static str, Client); 5] {
    let addr = serve(server).await;
    let url = format!("http://{addr}");
    let http2 = Client::builder().endpoint(&url).http2_prior_knowledge().build().unwrap();
    let [lean, reqwest] = over_http(&url);
    let websocket = Client::new(format!("ws://{addr}")).unwrap();
    [lean, reqwest, ("HTTP/2", http2), ("WebSocket", websocket), ("in process", Client::in_process(server))]
}

/// Returns a client for each HTTP transport, with its name. They send each call once.
pub fn over_http(url: &str) -> [(&'static str, Client); 2] {
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .build();
    let lean = Client::builder().endpoint(url).retry(Retry::never()).build();
    let reqwest = ReqwestTransport::new(http.unwrap(), url).unwrap();
    let reqwest = Client::builder().transport(reqwest).retry(Retry::never()).build();
    [("HTTP/1.1", lean.unwrap()), ("reqwest", reqwest.unwrap())]
}

/// Returns an address that refuses connections until the process ends.
///
/// A port that is merely free can be given to another server at any time. This one stays bound.
pub fn refusing() -> SocketAddr {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
    let addr = socket.local_addr().unwrap();
    std::mem::forget(socket);
    addr
}
