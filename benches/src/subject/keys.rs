//! Calls that are dispatched in process, each with an id of its own that is an idempotency key or is not.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Extensions, HeaderMap, HeaderName, HeaderValue};
use rpc::idempotency::MemoryStore;
use rpc::{Dispatch, RequestContext};
use rpc_core::headers::{Keys, RPC_IDEMPOTENCY};
use uuid::Uuid;

use super::dispatch::ours;
use super::runtime;
use crate::Result;

/// Is short, so that keys are forgotten while the calls go on, as fast as new ones come.
const TTL: Duration = Duration::from_millis(100);

/// Makes one key after the other.
const FIRST: u128 = 0x0199_0000_0000_7000_8000_0000_0000_0000;

/// Dispatches so many calls and prints how many nanoseconds each took. The requests are the same with keys and without
/// but for the name of one header, and what it takes to make them is not timed.
pub(super) fn run(keyed: bool, count: usize) -> Result<()> {
    let server = ours::server_with(MemoryStore::new().ttl(TTL));
    let announced = server.announcement().remove(RPC_IDEMPOTENCY).ok_or("the server keeps no keys")?;
    let name = if keyed { RPC_IDEMPOTENCY } else { HeaderName::from_static("x-idempotency") };
    let mut taken = Duration::ZERO;
    runtime(1)?.block_on(async {
        for number in 0..count {
            let key = Uuid::from_u128(FIRST + number as u128);
            let (body, request) = request(key, &name, &announced);
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

fn request(key: Uuid, name: &HeaderName, announced: &HeaderValue) -> (Bytes, Arc<RequestContext>) {
    let body = format!(r#"{{"jsonrpc":"2.0","method":"subtract","params":[42,23],"id":"{key}"}}"#);
    let headers = HeaderMap::from_iter([(name.clone(), Keys::value([key], Some(announced)))]);
    (body.into(), Arc::new(RequestContext::new(headers, None, Extensions::new())))
}
