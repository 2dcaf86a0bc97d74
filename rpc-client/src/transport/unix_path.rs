//! Tells the addresses of Unix sockets from others.

/// Returns the path in an address such as `unix:/run/app.sock`, or `None` for another address. `unix:///run/app.sock`
/// is the same address. A path of `Err` says why there is none.
pub(crate) fn unix_path(address: &str) -> Option<Result<&str, &'static str>> {
    let (scheme, rest) = address.trim().split_once(':')?;
    if !scheme.eq_ignore_ascii_case("unix") {
        return None;
    }
    Some(match rest.strip_prefix("//") {
        Some(path) if path.starts_with('/') => Ok(path),
        Some(_) => Err("the address of a Unix socket has no host: write unix:/run/app.sock or unix:///run/app.sock"),
        None if rest.is_empty() => Err("the address of a Unix socket needs a path, such as unix:/run/app.sock"),
        None => Ok(rest),
    })
}

#[cfg(test)]
mod tests {
    use super::unix_path;

    #[test]
    fn path_is_taken_as_it_stands() {
        for (address, path) in [
            ("unix:/run/app.sock", "/run/app.sock"),
            (" UNIX:/run/app.sock ", "/run/app.sock"),
            ("unix:///run/app.sock", "/run/app.sock"),
            ("unix:run/app.sock", "run/app.sock"),
            ("unix:/a%20b?c#d:e", "/a%20b?c#d:e"),
        ] {
            assert_eq!(unix_path(address), Some(Ok(path)));
        }
        assert!(unix_path("unix://run/app.sock").unwrap().unwrap_err().contains("no host"));
        assert!(unix_path("unix:").unwrap().unwrap_err().contains("needs a path"));
        for other in ["http://a", "unix", "/run/app.sock", "unixx:/a", ""] {
            assert_eq!(unix_path(other), None, "{other}");
        }
    }
}
