//! Protects pages against DNS rebinding: decides which `Host` names may read them. `pages` uses it. Calls are checked
//! by `origin` instead, since browsers name the origin of every `POST`.

use std::net::IpAddr;

use super::authority::Authority;
use super::origin::is_loopback;
use super::settings::HttpSettings;

/// Returns whether pages are shown to a request for this host.
///
/// A web page can point its own host name at another machine's address, and then read from there as from its own
/// origin. Only the host name, which is the page's own, reveals this. An address or `localhost` cannot be such a name.
/// On loopback, no other client has a reason to use a name. Elsewhere, proxies and load balancers use names that are
/// not known here, so names are checked there only if there is a list.
pub(super) fn is_allowed(host: &[u8], http: &HttpSettings, loopback: bool) -> bool {
    let Some(authority) = std::str::from_utf8(host).ok().and_then(Authority::parse) else { return false };
    let host = authority.host.to_ascii_lowercase();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let unlisted = !loopback && http.hosts.is_empty();
    unlisted || bare.parse::<IpAddr>().is_ok() || is_loopback(&host) || http.names(&host)
}

#[cfg(test)]
mod tests {
    use super::is_allowed;
    use crate::http::HttpSettings;

    fn settings(hosts: &[&str]) -> HttpSettings {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        HttpSettings { hosts, origins: vec!["https://app.example:8443".to_owned()], ..HttpSettings::default() }
    }

    #[test]
    fn addresses_and_localhost_are_no_names_that_a_web_page_could_have() {
        for host in ["127.0.0.1:8080", "10.0.0.5", "[::1]:8080", "[fd00::1]", "localhost", "LocalHost:1"] {
            for hosts in [&[][..], &["api.example"]] {
                assert!(is_allowed(host.as_bytes(), &settings(hosts), true), "{host}");
                assert!(is_allowed(host.as_bytes(), &settings(hosts), false), "{host}");
            }
        }
    }

    #[test]
    fn what_is_no_host_is_refused_everywhere() {
        for host in ["user@localhost", "localhost:99999", "localhost:0x", "127.0.0.1:0", "[::1]80", "", "a b"] {
            for loopback in [true, false] {
                assert!(!is_allowed(host.as_bytes(), &settings(&[]), loopback), "{host}");
            }
        }
        // An empty port counts as no port.
        assert!(is_allowed(b"localhost:", &settings(&[]), true));
    }

    #[test]
    fn names_are_refused_on_loopback_and_where_there_is_a_list_without_them() {
        for (hosts, loopback) in [(&[][..], true), (&["api.example"], true), (&["api.example"], false)] {
            for host in ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example:80", "", "a b", "[::1"] {
                assert!(!is_allowed(host.as_bytes(), &settings(hosts), loopback), "{host}");
            }
        }
        assert!(is_allowed(b"any.example", &settings(&[]), false));
    }

    #[test]
    fn names_that_are_listed_and_those_of_allowed_origins_are_taken() {
        assert!(is_allowed(b"API.example:8080", &settings(&["api.example"]), true));
        assert!(is_allowed(b"app.example", &settings(&["api.example"]), false));
        assert!(is_allowed(b"app.example", &settings(&[]), true));
    }
}
