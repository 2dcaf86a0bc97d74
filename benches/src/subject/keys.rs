//! Calls dispatched in process. The id of each is unique, and either is an idempotency key or is not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderName};
use rpc::idempotency::MemoryStore;
use rpc::{Dispatch, RequestContext};
use rpc_core::headers::{Keys, RPC_IDEMPOTENCY, StoreAnnouncement};
use uuid::Uuid;

use super::dispatch::ours;
use super::host::runtime;
use crate::Result;

/// The TTL of keys. It is short, so that the store forgets keys during the run as fast as new ones arrive.
const TTL: Duration = Duration::from_millis(100);

/// The first key. The others count up from it.
const FIRST: u128 = 0x0199_0000_0000_7000_8000_0000_0000_0000;

/// Dispatches this many calls and prints the nanoseconds per call. The requests with and without keys differ only in
/// the name of one header. The time to build them is not counted.
pub(super) fn run(keyed: bool, count: usize) -> Result<()> {
    let server = ours::server_with(MemoryStore::new().ttl(TTL));
    let name = if keyed { RPC_IDEMPOTENCY } else { HeaderName::from_static("x-idempotency") };
    let mut taken = Duration::ZERO;
    runtime(1)?.block_on(async {
        let told = server.announce(Arc::default()).await.headers.and_then(|mut told| told.remove(RPC_IDEMPOTENCY));
        let announced = told.as_ref().and_then(StoreAnnouncement::from_value).ok_or("the server keeps no keys")?;
        for number in 0..count {
            let key = Uuid::from_u128(FIRST + number as u128);
            let (body, request) = request(key, &name, announced);
            let begin = Instant::now();
            let answer = server.dispatch(body, request).await;
            taken += begin.elapsed();
            if !answer.body.starts_with(br#"{"jsonrpc":"2.0","result":19,"#) {
                return Err(format!("call {number} was answered wrongly: {:?}", answer.body));
            }
        }
        Ok(())
    })?;
    println!("{}", taken.as_nanos() as f64 / count as f64);
    Ok(())
}

fn request(key: Uuid, name: &HeaderName, announced: StoreAnnouncement) -> (Bytes, Arc<RequestContext>) {
    let body = format!(r#"{{"jsonrpc":"2.0","method":"subtract","params":[42,23],"id":"{key}"}}"#);
    let store = announced.store;
    // Without a send time, which would soon be too old.
    let keys = Keys { store: Some(store.identity), ttl: Some(store.ttl), ..Keys::new([key]) };
    let headers = HeaderMap::from_iter([(name.clone(), keys.to_value())]);
    (body.into(), Arc::new(RequestContext::new(headers, None, Extensions::new())))
}
