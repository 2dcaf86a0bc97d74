//! Client certificates.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rpc::tls::{PeerIdentity, Tls};
use rpc::{Client, Limits, Principal};
use rustls::ClientConfig;
use serde_json::{Value, json};
use support::serve;
use uuid::Uuid;

use super::{builder, client, start, tls_of};
use crate::tls::Authority;

const BILLING: &str = "spiffe://example.org/billing";

/// Configures a server that asks for certificates of this authority and has one itself.
fn asking(authority: &Authority) -> Tls {
    tls_of(authority).client_authorities(authority.pem()).unwrap()
}

fn billing(authority: &Authority) -> ClientConfig {
    authority.client_with(&authority.issue(&["billing.internal", "*.billing.internal"], &[BILLING]))
}

async fn peer(client: &Client) -> Value {
    client.call("peer", ()).await.unwrap()
}

#[tokio::test]
async fn handlers_are_told_the_names_of_a_clients_certificate() {
    let authority = Authority::new();
    let client = client(start(&asking(&authority)).await, billing(&authority));
    for _ in 0..2 {
        assert_eq!(peer(&client).await, json!(["billing.internal", "*.billing.internal", BILLING]));
    }
}

#[tokio::test]
async fn a_client_without_a_certificate_is_served_only_where_that_is_optional() {
    let authority = Authority::new();
    let required = asking(&authority);
    client(start(&required).await, authority.client()).call::<Value>("peer", ()).await.unwrap_err();
    let addr = start(&required.client_certificates_optional().unwrap()).await;
    assert_eq!(peer(&client(addr, authority.client())).await, Value::Null);
    assert_eq!(peer(&client(addr, billing(&authority))).await[2], BILLING);
}

#[tokio::test]
async fn a_certificate_of_a_foreign_authority_is_refused_even_where_none_is_needed() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let config = authority.client_with(&stranger.issue(&["billing.internal"], &[BILLING]));
    for tls in [asking(&authority), asking(&authority).client_certificates_optional().unwrap()] {
        let addr = start(&tls).await;
        client(addr, config.clone()).call::<Value>("peer", ()).await.unwrap_err();
        assert_eq!(peer(&client(addr, billing(&authority))).await[2], BILLING);
    }
}

#[tokio::test]
async fn a_certificate_that_was_not_asked_for_is_not_shown() {
    let authority = Authority::new();
    assert_eq!(peer(&client(start(&tls_of(&authority)).await, billing(&authority))).await, Value::Null);
}

#[tokio::test]
async fn a_request_has_its_peer_before_anything_asks_who_calls() {
    let authority = Authority::new();
    let runs = Arc::new(AtomicU32::new(0));
    let count = Arc::clone(&runs);
    let server = builder()
        .method("pay", move || {
            let run = count.fetch_add(1, Ordering::Relaxed) + 1;
            async move { run }
        })
        .idempotency_scope(|request| Some(request.extensions.get::<PeerIdentity>()?.spiffe_id()?.to_owned()))
        .tls(asking(&authority))
        .build();
    let addr = serve(&server).await;
    let (billing, shipping) = (billing(&authority), authority.issue(&[], &["spiffe://example.org/shipping"]));
    let key = Uuid::now_v7();
    let pay = |config: ClientConfig| async move {
        client(addr, config).call::<u32>("pay", ()).idempotency_key(key).await.unwrap()
    };
    assert_eq!(pay(billing.clone()).await, 1);
    // The same call of the same caller on another connection, and then the same key from another caller.
    assert_eq!(pay(billing).await, 1);
    assert_eq!(pay(authority.client_with(&shipping)).await, 2);
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}

#[test]
fn what_is_no_certificate_has_a_fingerprint_and_no_names() {
    let identity = PeerIdentity::from_der(*b"abc");
    // From the examples of FIPS 180-4.
    assert_eq!(identity.fingerprint(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!((identity.der(), identity.dns_names().count(), identity.uri_names().count()), (&b"abc"[..], 0, 0));
    assert_eq!(identity.spiffe_id(), None);
}

#[test]
fn a_spiffe_id_is_the_only_uri_of_its_certificate() {
    let authority = Authority::new();
    let id = |uris: &[&str]| {
        let issued = authority.issue(&["a.example"], uris);
        PeerIdentity::from_der(issued.certificate.der().to_vec()).spiffe_id().map(Principal::new)
    };
    assert_eq!(id(&[BILLING]), Some(Principal::new(BILLING)));
    for uris in [&[][..], &["https://example.org"], &[BILLING, "https://example.org"], &[BILLING, BILLING]] {
        assert_eq!(id(uris), None, "{uris:?}");
    }
}

#[tokio::test]
async fn an_answer_that_is_larger_than_all_buffers_comes_whole() {
    let authority = Authority::new();
    let mut limits = Limits::default();
    limits.max_response_bytes = 32 << 20;
    let large = || async { "x".repeat(16 << 20) };
    let server = builder().method("large", large).limits(limits).tls(asking(&authority)).build();
    let client = super::client_builder(serve(&server).await, billing(&authority)).max_response_bytes(32 << 20);
    assert_eq!(client.build().unwrap().call::<String>("large", ()).await.unwrap().len(), 16 << 20);
}
