//! Tells `ws` and `wss` addresses from others.

/// Returns the `http` or `https` form of a `ws` or `wss` URL, or `None` for another URL.
pub(crate) fn http_form(url: &str) -> Option<String> {
    let url = url.trim();
    let (scheme, rest) = url.split_once("://")?;
    if scheme.eq_ignore_ascii_case("ws") {
        Some(format!("http://{rest}"))
    } else if scheme.eq_ignore_ascii_case("wss") {
        Some(format!("https://{rest}"))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::http_form;

    #[test]
    fn only_the_scheme_changes() {
        assert_eq!(
            http_form("ws://ada:secret@a:80/rpc?q=ws://").as_deref(),
            Some("http://ada:secret@a:80/rpc?q=ws://")
        );
        assert_eq!(http_form(" WSS://a").as_deref(), Some("https://a"));
        for url in ["http://a", "https://ws://a", "ws:a", "", "wsx://a"] {
            assert!(http_form(url).is_none(), "{url}");
        }
    }
}
