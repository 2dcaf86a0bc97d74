//! [`LaneKey`]: what calls of several callers must have in common to share a request.

use std::hash::{DefaultHasher, Hash, Hasher};

use http::HeaderMap;
use rpc_core::Effect;

use crate::delivery::{Entry, SharedParts};
use crate::reliability::retry::Retry;
use crate::runtime::{RuntimeId, runtime_id};

/// What calls of several callers must have in common to share a request.
///
/// A request runs in the runtime of one of its callers. So calls of other runtimes, which may live longer, do not share
/// it.
#[derive(PartialEq, Eq)]
pub(super) struct LaneKey {
    headers: Option<Box<HeaderMap>>,
    hash_key: Option<u64>,
    repeats: RepeatClass,
    runtime: Option<RuntimeId>,
}

/// When the client may repeat a call. The client gives up a silent attempt early only if it may repeat all its calls.
/// So a call does not share a request with calls that would prevent this.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum RepeatClass {
    Never,
    Always,
    /// Only with an idempotency key that the server remembers.
    WithKey,
}

impl LaneKey {
    pub(super) fn new(shared: SharedParts, entry: &Entry, client: &Retry) -> Self {
        let repeats = match entry.effect {
            _ if entry.retry(client).is_never() => RepeatClass::Never,
            Effect::None | Effect::Idempotent => RepeatClass::Always,
            Effect::Once => RepeatClass::WithKey,
        };
        Self { headers: shared.headers, hash_key: shared.hash_key, repeats, runtime: runtime_id() }
    }

    pub(super) fn shared(&self) -> SharedParts {
        SharedParts { headers: self.headers.clone(), pin: None, hash_key: self.hash_key }
    }
}

impl Hash for LaneKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.hash_key, self.repeats, self.runtime).hash(state);
        if let Some(headers) = &self.headers {
            // Equal maps may have different orders, so the sum must not depend on the order.
            let sum = headers.iter().fold(0_u64, |sum, pair| {
                let mut hasher = DefaultHasher::new();
                pair.hash(&mut hasher);
                sum.wrapping_add(hasher.finish())
            });
            sum.hash(state);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use http::{HeaderMap, HeaderValue};

    use super::{LaneKey, RepeatClass};

    fn key(pairs: &[(&'static str, &'static str)]) -> LaneKey {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(*name, HeaderValue::from_static(value));
        }
        LaneKey { headers: Some(Box::new(headers)), hash_key: None, repeats: RepeatClass::Always, runtime: None }
    }

    #[test]
    fn equal_headers_in_another_order_are_one_key() {
        let mut keys = HashSet::new();
        assert!(keys.insert(key(&[("a", "1"), ("b", "2")])));
        assert!(!keys.insert(key(&[("b", "2"), ("a", "1")])));
        assert!(keys.insert(key(&[("a", "2"), ("b", "1")])));
        assert!(keys.insert(key(&[("a", "1")])));
    }
}
