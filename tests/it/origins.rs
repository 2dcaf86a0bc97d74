//! Which web pages may call a server.

use axum::Router;
use rpc::{Client, Server, ServerBuilder};
use support::{client_of, serve_app};

fn builder() -> ServerBuilder {
    Server::builder().method("ping", || async { "pong" })
}

/// Returns whether a call from a page of this origin is accepted. Otherwise it is refused with HTTP 403.
async fn is_taken(client: &Client, origin: &'static str) -> bool {
    match client.call::<String>("ping", ()).header("origin", origin).await {
        Ok(pong) => pong == "pong",
        Err(error) => {
            let failure = error.failure().unwrap();
            assert_eq!(failure.status().unwrap(), 403);
            assert_eq!(failure.error_object().unwrap().code().get(), -32600);
            assert_eq!(failure.headers().unwrap()["rpc-status"], "-32600");
            false
        }
    }
}

#[tokio::test]
async fn pages_of_the_same_machine_may_call_a_server_that_is_bound_to_loopback() {
    let client = client_of(&builder().build()).await;
    assert!(client.call::<String>("ping", ()).await.is_ok(), "what is no web page names no origin");
    for origin in ["http://localhost:3000", "http://127.0.0.1", "https://[::1]:8443"] {
        assert!(is_taken(&client, origin).await, "{origin}");
    }
    for origin in ["https://evil.example", "http://localhost.evil.example", "null", "", "file://"] {
        assert!(!is_taken(&client, origin).await, "{origin}");
    }
    for origin in [
        "http://user@localhost",
        "http://user:password@localhost:3000",
        "http://localhost:99999",
        "http://localhost:0x",
        "http://localhost:0",
        "http://localhost:",
        "http://localhost/",
        "ftp://localhost",
        "ws://localhost",
    ] {
        assert!(!is_taken(&client, origin).await, "{origin}");
    }
}

#[tokio::test]
async fn pages_of_a_listed_origin_may_call() {
    let server = builder().allow_origin("https://App.example:443").allow_origin("http://other.example:8080").build();
    let client = client_of(&server).await;
    for origin in ["https://app.example", "https://app.example:443", "HTTPS://APP.EXAMPLE", "http://other.example:8080"]
    {
        assert!(is_taken(&client, origin).await, "{origin}");
    }
    for origin in ["http://app.example", "https://app.example:444", "https://sub.app.example", "http://other.example"] {
        assert!(!is_taken(&client, origin).await, "{origin}");
    }
}

#[tokio::test]
async fn only_listed_origins_may_call_through_an_application() {
    let server = builder().allow_origin("https://app.example").build();
    let addr = serve_app(Router::new().merge(server.into_router())).await;
    let client = Client::new(format!("http://{addr}")).unwrap();
    assert!(is_taken(&client, "https://app.example").await);
    // The application may be bound to any address. The server does not know it.
    assert!(!is_taken(&client, "http://localhost:3000").await);
}

#[test]
fn what_no_page_has_for_an_origin_is_refused_when_it_is_listed() {
    for (origin, reason) in [
        ("https://user@app.example", "an origin has no user info"),
        ("ftp://app.example", "no web page has an origin with this scheme"),
        ("https://app.example.", "without a dot at its end"),
        ("https://app.example:99999", "a port from 1 to 65535"),
        ("https://app.example:0x", "a port from 1 to 65535"),
        ("app.example", "it begins with a scheme"),
        ("https://*.example", "no wildcards"),
        ("null", "sandboxed pages"),
        ("", "it is empty"),
    ] {
        let listing = std::panic::catch_unwind(|| builder().allow_origin(origin));
        let message = *listing.unwrap_err().downcast::<String>().unwrap();
        assert!(message.contains(reason), "{origin}: {message}");
    }
}

#[test]
#[should_panic(expected = "is no origin")]
fn an_origin_with_a_path_is_refused() {
    let _ = builder().allow_origin("https://app.example/");
}
