//! [`PropagatedHeaders`]: the names of headers that calls copy from the request of a handler.

use std::sync::Arc;

use http::{HeaderMap, HeaderName};

use crate::failure::{Failure, FailureKind};

/// The names of headers that calls copy from the request of a handler, without duplicates.
#[derive(Clone, Debug, Default)]
pub(crate) struct PropagatedHeaders(Arc<[HeaderName]>);

impl PropagatedHeaders {
    /// Checks the user's list of names.
    pub(crate) fn new<N: TryInto<HeaderName>>(names: impl IntoIterator<Item = N>) -> Result<Self, Failure> {
        let mut all = Vec::new();
        for name in names {
            let Ok(name) = name.try_into() else { return Err(refuse("this is not the name of a header")) };
            if let Some(why) = why_not(&name) {
                return Err(refuse(why));
            }
            if !all.contains(&name) {
                all.push(name);
            }
        }
        Ok(Self(all.into()))
    }

    /// Copies the headers on the list, with all their values. Headers that are set already stay as they are.
    pub(crate) fn copy(&self, from: &HeaderMap, to: &mut HeaderMap) {
        for name in self.0.iter().filter(|name| from.contains_key(*name)) {
            if to.contains_key(name) {
                continue;
            }
            for value in from.get_all(name) {
                to.append(name, value.clone());
            }
        }
    }
}

fn refuse(why: &'static str) -> Failure {
    Failure::new(FailureKind::Builder(why))
}

/// Returns why a header of another request cannot be a header of a call.
fn why_not(name: &HeaderName) -> Option<&'static str> {
    match name.as_str() {
        "host" => Some("the header `host` names the server of its own request"),
        "content-length" | "content-type" | "content-encoding" | "transfer-encoding" | "trailer" | "expect" => {
            Some("a header that describes the body of its own request cannot be propagated")
        }
        "connection" | "keep-alive" | "proxy-connection" | "proxy-authorization" | "te" | "upgrade" => {
            Some("a header that belongs to its own connection cannot be propagated")
        }
        "accept" | "accept-encoding" => Some("the client decides itself which answers it can read"),
        "idempotency-key" => Some("the idempotency key of a call is not that of the calls that its handler makes"),
        name if name.starts_with("rpc-") => Some("the headers `rpc-*` are the framework's own"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName, HeaderValue};

    use super::PropagatedHeaders;

    fn headers(all: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        headers
    }

    #[test]
    fn headers_on_the_list_are_copied_with_all_values_unless_they_are_set() {
        let list = PropagatedHeaders::new(["X-Tenant", "x-via", "x-absent", "x-tenant"]).unwrap();
        let from = headers(&[("x-tenant", "a"), ("x-via", "1"), ("x-via", "2"), ("cookie", "secret")]);
        let mut to = HeaderMap::new();
        list.copy(&from, &mut to);
        assert_eq!(to, headers(&[("x-tenant", "a"), ("x-via", "1"), ("x-via", "2")]));
        // A second copy adds nothing.
        list.copy(&from, &mut to);
        assert_eq!(to.len(), 3);
        let mut to = headers(&[("x-via", "own")]);
        list.copy(&from, &mut to);
        assert_eq!(to, headers(&[("x-via", "own"), ("x-tenant", "a")]));
    }

    #[test]
    fn list_of_a_client_is_empty_by_default() {
        let mut to = HeaderMap::new();
        PropagatedHeaders::default().copy(&headers(&[("x-tenant", "a")]), &mut to);
        assert!(to.is_empty());
    }

    #[test]
    fn headers_that_belong_to_one_request_are_refused_with_a_reason() {
        for (name, reason) in [
            ("x tenant", "not the name"),
            ("Host", "the server of its own request"),
            ("content-length", "the body"),
            ("Content-Type", "the body"),
            ("transfer-encoding", "the body"),
            ("connection", "its own connection"),
            ("accept-encoding", "can read"),
            ("idempotency-key", "idempotency key"),
            ("Rpc-Timeout-Ms", "the framework's own"),
        ] {
            let failure = PropagatedHeaders::new(["x-tenant", name]).unwrap_err();
            assert!(failure.is_builder(), "{name}");
            assert!(failure.to_string().contains(reason), "{name}: {failure}");
        }
    }
}
