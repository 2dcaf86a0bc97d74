use std::net::IpAddr;

use http::{HeaderValue, Uri};

/// Tells whether requests that name this origin are taken.
pub(super) fn is_allowed(origin: &HeaderValue, allowed: &[String], loopback: bool) -> bool {
    let Ok(origin) = origin.to_str() else { return false };
    let origin = origin.to_ascii_lowercase();
    allowed.contains(&origin) || (loopback && parse_origin(&origin).is_some_and(|host| is_loopback(&host)))
}

/// Returns the host of an origin, or `None` where this is none, as the `null` of pages without one.
pub(crate) fn parse_origin(origin: &str) -> Option<String> {
    let uri: Uri = origin.parse().ok()?;
    let bare = uri.path() == "/" && uri.query().is_none() && !origin.ends_with('/');
    (bare && uri.scheme().is_some()).then(|| uri.host().map(str::to_owned))?
}

pub(super) fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.ends_with(".localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::{is_allowed, parse_origin};

    #[test]
    fn origins_have_scheme_and_host_and_no_path() {
        for origin in ["https://app.example", "http://localhost:8080", "http://[::1]:1"] {
            assert!(parse_origin(origin).is_some(), "{origin}");
        }
        for other in ["null", "", "app.example", "https://app.example/", "https://app.example/a", "https://"] {
            assert!(parse_origin(other).is_none(), "{other}");
        }
    }

    #[test]
    fn loopback_origins_are_allowed_on_loopback_only() {
        for origin in ["http://localhost:3000", "http://127.0.0.1", "https://[::1]:8443", "HTTP://LOCALHOST"] {
            let origin = HeaderValue::from_static(origin);
            assert!(is_allowed(&origin, &[], true));
            assert!(!is_allowed(&origin, &[], false));
        }
        for origin in ["http://evil.example", "null", "http://127.0.0.1.evil.example", "http://localhost.evil.example"]
        {
            assert!(!is_allowed(&HeaderValue::from_static(origin), &[], true), "{origin}");
        }
    }

    #[test]
    fn listed_origins_are_allowed_whatever_their_case() {
        let allowed = ["https://app.example".to_owned()];
        assert!(is_allowed(&HeaderValue::from_static("https://App.Example"), &allowed, false));
        assert!(!is_allowed(&HeaderValue::from_static("http://app.example"), &allowed, false));
        assert!(!is_allowed(&HeaderValue::from_static("https://app.example:444"), &allowed, false));
    }
}
